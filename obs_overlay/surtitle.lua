-- Surtitle for OBS: sends the stream's audio to the Surtitle service, and shows its captions.
--
-- Add this file in OBS under Tools, Scripts. Nothing has to be installed, because OBS contains LuaJIT.
--
-- OBS sends the audio by itself, with its `ffmpeg_output` over HTTP. Everything else goes through sockets that never
-- wait: a timer of OBS looks at them ten times a second and takes what has arrived, up to a limit. So a service that is
-- missing, slow or hung cannot hold up OBS.
--
-- OBS calls one function of a script at a time, so nothing here needs a lock. It calls them from its own threads: the
-- timer from the graphics thread, buttons and events from the thread of its windows. None of them may take long.
--
-- Without TLS and without name resolution (which waits), the service has to be at http:// and a numeric address or
-- localhost. For other services there is surtitle_obs.py.

local obs = obslua -- luacheck: globals obslua
local bit = require("bit")
local has_ffi, ffi = pcall(require, "ffi")

local TICK = 100 -- milliseconds between two calls of the timer
local SLOW = 10 -- ticks between two looks at what costs more
local HEARTBEAT = 2.0 -- seconds in which the service sends something
local TIMEOUT = 5.0 -- seconds in which the service has to answer, and then to send each next line
local CONNECT = 8.0 -- seconds in which OBS's output has to be connected
local LINGER, LONG_LINGER = 1.0, 10.0 -- seconds until an output that has ended is released; if the service may hang
local FIRST_PAUSE, LONGEST_PAUSE = 1.0, 15.0 -- seconds until the next attempt
local REPORT_INTERVAL = 2.0 -- seconds between two reports about a recording in which nothing changes
local SETTLE = 0.7 -- seconds without a change after which new settings are used
local MAX_BUFFER = 65536 -- bytes of an answer that are kept, so a line cannot be longer
local MAX_LINES = 100 -- of an answer that are read in one tick
local READ_SIZE = 16384 -- bytes that are read at once
local MAX_DEPTH = 20 -- of nested JSON
local ALIGN_BOTTOM = 8 -- as in obs.h; obslua does not have it
local BROWSER, TEXT = "Surtitle overlay", "Surtitle captions" -- names of the sources that this script adds

local FIELDS = { -- name, kind, label, default, explanation
    { "server", "text", "Server", "http://127.0.0.1:8000", "The address of the Surtitle service." },
    { "token", "password", "Token", "", "Only if the service asks for one." },
    { "channel", "text", "Channel", "main", "Where the captions appear." },
    { "name", "text", "Name", "OBS", "The name of the speaker that viewers see." },
    { "track", "track", "Audio track", 1, "As in OBS's Advanced Audio Properties." },
    { "language", "text", "Language", "", "A code like en; empty: the service's default." },
    { "when", "list", "Send", "streaming", "When audio is sent to the service." },
    { "mute", "list", "Follow mute of", "", "Nothing is sent while this is muted." },
    {
        "captions",
        "check",
        "Closed captions",
        false,
        "Into the stream, unless the service sends them by obs-websocket.",
    },
    { "caption_language", "text", "… in language", "", "A code like en; empty: the spoken language." },
    {
        "delay",
        "seconds",
        "… later by",
        0.0,
        "Seconds in addition to OBS's stream delay, which is always applied.",
    },
}
local WHEN = {
    { "While streaming", "streaming" },
    { "While streaming or recording", "recording" },
    { "Always", "always" },
}

local function now()
    return obs.os_gettime_ns() / 1e9 -- seconds, on a clock that nobody sets
end

local function trim(text)
    return text:match("^%s*(.-)%s*$")
end

local function percent_encode(text)
    return (text:gsub("[^%w%-._~]", function(character)
        return ("%%%02X"):format(character:byte())
    end))
end

-- Sockets -------------------------------------------------------------------------------------------------------------

-- All that differs between systems. Numbers are those of the systems' headers. LuaJIT calls macOS "OSX".
local SYSTEMS = {
    Linux = {
        ipv6 = 10,
        has_length = false, -- whether a socket address begins with its length
        socket_level = 1,
        error_option = 4, -- SO_ERROR
        nonblocking = 0x800, -- O_NONBLOCK
        send_flags = 0x4000, -- MSG_NOSIGNAL
        waiting = { [11] = true, [115] = true, [107] = true, [114] = true, [4] = true }, -- EAGAIN, EINPROGRESS, …
        reasons = { [111] = "connection refused", [104] = "connection lost", [113] = "no route" },
    },
    OSX = {
        ipv6 = 30,
        has_length = true,
        socket_level = 0xffff,
        error_option = 0x1007,
        no_signal_option = 0x1022, -- SO_NOSIGPIPE, because there is no MSG_NOSIGNAL
        nonblocking = 0x4,
        send_flags = 0,
        waiting = { [35] = true, [36] = true, [57] = true, [37] = true, [4] = true },
        reasons = { [61] = "connection refused", [54] = "connection lost", [65] = "no route" },
    },
    Windows = {
        ipv6 = 23,
        has_length = false,
        socket_level = 0xffff,
        error_option = 0x1007,
        send_flags = 0,
        waiting = { [10035] = true, [10036] = true, [10057] = true, [10037] = true, [10004] = true },
        reasons = { [10061] = "connection refused", [10054] = "connection lost", [10065] = "no route" },
    },
}
local IPV4, STREAM = 2, 1 -- AF_INET and SOCK_STREAM, the same everywhere

local system = has_ffi and SYSTEMS[ffi.os]
local sockets -- the system's functions: open, close, send, receive, option, last_error, random; nil if there are none

local function open_posix()
    ffi.cdef([[
        int socket(int, int, int);
        int connect(int, const void *, unsigned int);
        intptr_t send(int, const void *, size_t, int);
        intptr_t recv(int, void *, size_t, int);
        int getsockopt(int, int, int, void *, unsigned int *);
        int setsockopt(int, int, int, const void *, unsigned int);
        int shutdown(int, int);
        int close(int);
        int fcntl(int, int, ...);
        int inet_pton(int, const char *, void *);
        int getentropy(void *, size_t);
    ]])
    local C = ffi.C
    local SET_DESCRIPTOR_FLAGS, CLOSE_ON_EXEC, SET_STATUS_FLAGS = 2, 1, 4
    return {
        library = C,
        is_valid = function(handle)
            return handle >= 0
        end,
        last_error = ffi.errno,
        prepare = function(handle)
            -- OBS starts other programs, which would keep the connection open
            C.fcntl(handle, SET_DESCRIPTOR_FLAGS, ffi.cast("int", CLOSE_ON_EXEC))
            if system.no_signal_option then
                local on = ffi.new("int[1]", 1)
                C.setsockopt(handle, system.socket_level, system.no_signal_option, on, 4)
            end
            return C.fcntl(handle, SET_STATUS_FLAGS, ffi.cast("int", system.nonblocking)) == 0
        end,
        close = C.close,
        random = function(buffer, size)
            return C.getentropy(buffer, size) == 0
        end,
        release = function() end,
    }
end

local function open_windows()
    ffi.cdef([[
        uintptr_t socket(int, int, int);
        int connect(uintptr_t, const void *, int);
        int send(uintptr_t, const void *, int, int);
        int recv(uintptr_t, void *, int, int);
        int getsockopt(uintptr_t, int, int, void *, int *);
        int shutdown(uintptr_t, int);
        int closesocket(uintptr_t);
        int ioctlsocket(uintptr_t, long, unsigned long *);
        int inet_pton(int, const char *, void *);
        int WSAStartup(unsigned short, void *);
        int WSACleanup(void);
        int WSAGetLastError(void);
        int SetHandleInformation(uintptr_t, unsigned long, unsigned long);
        unsigned char SystemFunction036(void *, unsigned long);
    ]])
    local winsock, advapi = ffi.load("ws2_32"), ffi.load("advapi32")
    if winsock.WSAStartup(0x0202, ffi.new("char[1024]")) ~= 0 then
        error("Windows does not start its sockets", 0)
    end
    local INVALID, SET_NONBLOCKING, INHERIT = ffi.cast("uintptr_t", -1), -2147195266, 1 -- the second is FIONBIO
    return {
        library = winsock,
        is_valid = function(handle)
            return handle ~= INVALID
        end,
        last_error = winsock.WSAGetLastError,
        prepare = function(handle)
            ffi.C.SetHandleInformation(handle, INHERIT, 0) -- as for the other systems
            return winsock.ioctlsocket(handle, SET_NONBLOCKING, ffi.new("unsigned long[1]", 1)) == 0
        end,
        close = winsock.closesocket,
        random = function(buffer, size) -- RtlGenRandom
            return advapi.SystemFunction036(buffer, size) ~= 0
        end,
        release = winsock.WSACleanup,
    }
end

local no_sockets -- why there are none
if system then
    local ok, opened = pcall(ffi.os == "Windows" and open_windows or open_posix)
    if ok then
        sockets = opened
    else
        no_sockets = tostring(opened)
    end
end
if not sockets then
    no_sockets = "This OBS cannot run the Lua script (" .. (no_sockets or "no sockets") .. "): use surtitle_obs.py"
end

local function describe_error(code)
    return system.reasons[code] or ("error %d"):format(code)
end

-- Why the last call failed; nil if it would only have had to wait.
local function get_last_reason()
    local code = sockets.last_error()
    return not system.waiting[code] and describe_error(code) or nil
end

-- The bytes of a numeric address, as (family, bytes); nil if it is not one.
local function parse_address(host)
    local bytes = ffi.new("unsigned char[16]")
    if sockets.library.inet_pton(IPV4, host, bytes) == 1 then
        return IPV4, ffi.string(bytes, 4)
    end
    if sockets.library.inet_pton(system.ipv6, host, bytes) == 1 then
        return system.ipv6, ffi.string(bytes, 16)
    end
    return nil
end

-- A `sockaddr_in` or `sockaddr_in6`, and its size.
local function make_socket_address(family, bytes, port)
    local size = family == IPV4 and 16 or 28
    local address = ffi.new("unsigned char[28]")
    if system.has_length then
        address[0], address[1] = size, family
    else
        ffi.cast("unsigned short *", address)[0] = family
    end
    address[2], address[3] = bit.rshift(port, 8), bit.band(port, 0xff)
    ffi.copy(address + (family == IPV4 and 4 or 8), bytes, #bytes)
    return address, size
end

-- A TCP connection that never waits. Its methods return nil and a reason if the connection is lost, and nil alone if
-- there is nothing to do now.
local Socket = {}
Socket.__index = Socket

-- Begin to connect to a numeric address.
function Socket.connect(host, port)
    local family, bytes = parse_address(host)
    local handle = sockets.library.socket(family, STREAM, 0)
    if not sockets.is_valid(handle) then
        return nil, describe_error(sockets.last_error())
    end
    local self = setmetatable({ handle = handle }, Socket)
    if not sockets.prepare(handle) then
        self:close()
        return nil, "the socket would wait"
    end
    if sockets.library.connect(handle, make_socket_address(family, bytes, port)) ~= 0 then
        local reason = get_last_reason()
        if reason then
            self:close()
            return nil, reason
        end
    end
    return self
end

-- The number of bytes sent. While the connection is being made, systems say that it is not there yet, or that sending
-- would wait, so nothing else has to find out when it is ready.
function Socket:send(text)
    local reason = self:_failure()
    if reason then
        return nil, reason
    end
    local count = tonumber(sockets.library.send(self.handle, text, #text, system.send_flags))
    if count >= 0 then
        return count
    end
    return nil, get_last_reason()
end

local received = has_ffi and ffi.new("char[?]", READ_SIZE)

-- What has arrived, at most `size` bytes; empty at the end.
function Socket:receive(size)
    local count = tonumber(sockets.library.recv(self.handle, received, math.min(size, READ_SIZE), 0))
    if count >= 0 then
        return ffi.string(received, count)
    end
    return nil, get_last_reason()
end

function Socket:close()
    if self.handle then
        sockets.library.shutdown(self.handle, 2) -- also ends it for programs that have inherited it
        sockets.close(self.handle)
        self.handle = nil
    end
end

-- Why the connection could not be made, if so.
function Socket:_failure()
    local code, size = ffi.new("int[1]"), ffi.new(ffi.os == "Windows" and "int[1]" or "unsigned int[1]", 4)
    local result = sockets.library.getsockopt(self.handle, system.socket_level, system.error_option, code, size)
    return result == 0 and code[0] ~= 0 and describe_error(code[0]) or nil
end

-- 128 random bits in hexadecimal digits.
local function make_random_id()
    local bytes = ffi.new("unsigned char[16]")
    if not sockets.random(bytes, 16) then
        error("the system has no random numbers", 0)
    end
    return (ffi.string(bytes, 16):gsub(".", function(byte)
        return ("%02x"):format(byte:byte())
    end))
end

-- JSON ----------------------------------------------------------------------------------------------------------------

local json = {}

local ESCAPES = { b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local CONSTANTS = { ["true"] = true, ["false"] = false } -- and null, which is nil

local function encode_utf8(code)
    local char, band, rshift = string.char, bit.band, bit.rshift
    if code < 0x80 then
        return char(code)
    elseif code < 0x800 then
        return char(0xc0 + rshift(code, 6), 0x80 + band(code, 0x3f))
    elseif code < 0x10000 then
        return char(0xe0 + rshift(code, 12), 0x80 + band(rshift(code, 6), 0x3f), 0x80 + band(code, 0x3f))
    end
    return char(
        0xf0 + rshift(code, 18),
        0x80 + band(rshift(code, 12), 0x3f),
        0x80 + band(rshift(code, 6), 0x3f),
        0x80 + band(code, 0x3f)
    )
end

-- The value of a text; nil for null. Raises an error if it is not JSON.
function json.decode(text)
    local position, depth = 1, 0
    local read_value

    local function check(condition)
        if not condition then
            error("not JSON", 0)
        end
        return condition
    end

    -- The next character that is not a blank.
    local function peek()
        position = check(text:find("[^ \t\r\n]", position))
        return text:sub(position, position)
    end

    local function read_escape()
        local letter = text:sub(position, position)
        position = position + 1
        if letter ~= "u" then
            return ESCAPES[letter] or check(letter:match('^["\\/]$'))
        end
        local code = tonumber(check(text:match("^%x%x%x%x", position)), 16)
        position = position + 4
        local low = code >= 0xd800 and code < 0xdc00 and text:match("^\\u([dD][c-fC-F]%x%x)", position)
        if low then
            position = position + 6
            code = 0x10000 + (code - 0xd800) * 0x400 + tonumber(low, 16) - 0xdc00
        end
        return encode_utf8(code)
    end

    local function read_string()
        local parts = {}
        position = position + 1
        while true do
            local stop = check(text:find('["\\]', position))
            parts[#parts + 1] = text:sub(position, stop - 1)
            position = stop + 1
            if text:sub(stop, stop) == '"' then
                return table.concat(parts)
            end
            parts[#parts + 1] = read_escape()
        end
    end

    -- What is between brackets: `read_item` reads each.
    local function read_items(closing, read_item)
        depth = depth + 1
        check(depth <= MAX_DEPTH)
        position = position + 1
        if peek() ~= closing then
            repeat
                read_item()
                local separator = peek()
                check(separator == "," or separator == closing)
                position = position + 1
            until separator == closing
        else
            position = position + 1
        end
        depth = depth - 1
    end

    function read_value()
        local first = peek()
        if first == '"' then
            return read_string()
        elseif first == "{" then
            local object = {}
            read_items("}", function()
                check(peek() == '"')
                local key = read_string()
                check(peek() == ":")
                position = position + 1
                object[key] = read_value()
            end)
            return object
        elseif first == "[" then
            local list = {}
            read_items("]", function()
                list[#list + 1] = read_value()
            end)
            return list
        end
        local word = check(text:match("^[%w+.-]+", position))
        position = position + #word
        local number = word:match("^%-?%d") and tonumber(word)
        if number then
            return number
        end
        check(word == "null" or CONSTANTS[word] ~= nil)
        return CONSTANTS[word]
    end

    local value = read_value()
    check(not text:find("[^ \t\r\n]", position))
    return value
end

-- The JSON of a table of texts, numbers and truth values.
function json.encode(object)
    local parts = {}
    for key, value in pairs(object) do
        if type(value) == "string" then
            value = '"' .. value:gsub('[%c"\\]', function(character)
                return ("\\u%04x"):format(character:byte())
            end) .. '"'
        elseif type(value) == "number" then
            value = ("%.14g"):format(value)
        end
        parts[#parts + 1] = ('"%s":%s'):format(key, tostring(value))
    end
    return "{" .. table.concat(parts, ",") .. "}"
end

-- Requests ------------------------------------------------------------------------------------------------------------

-- The parts of an address like http://127.0.0.1:8000/path, as (hosts, port, authority, path); nil and a sentence if
-- this script cannot reach it.
local function parse_server(server)
    if server:match("^https://") then
        return nil, "This script cannot use https: write an http:// address, or use surtitle_obs.py instead"
    end
    local authority, path = server:match("^http://([^/?#%s]+)(.*)$")
    if path ~= "" and not (path or ""):match("^/[^?#%s]*$") then
        authority = nil
    end
    local host, port = (authority or ""):match("^%[([%x:.]+)%]:?(%d*)$")
    if not host then
        host, port = (authority or ""):match("^([^:%[%]@]+):?(%d*)$")
    end
    port = port == "" and 80 or tonumber(port)
    if not host or not port or port < 1 or port > 65535 then
        return nil, "The server's address is not right: write it like http://127.0.0.1:8000"
    end
    local hosts = host:lower() == "localhost" and { "127.0.0.1", "::1" } or { host }
    if not parse_address(hosts[1]) then
        local advice = "write its numeric address, like http://192.168.0.10:8000, or use surtitle_obs.py instead"
        return nil, "This script cannot look up the name " .. host .. ": " .. advice
    end
    return hosts, port, authority, path
end

-- One request to the service, a POST if it has a body. When it is `done` there is an `answer`, or one sentence in
-- `error`. An answer without an end goes into `lines`.
local Request = {}
Request.__index = Request

function Request.new(chosen, path, resume, body)
    local self = setmetatable({ lines = {}, done = false, _server = chosen.server, _buffer = "", _body = "" }, Request)
    self._deadline = now() + TIMEOUT
    local hosts, port, authority, prefix = parse_server(chosen.server)
    if not hosts then
        self:_finish(port)
        return self
    end
    self._hosts, self._port = hosts, port
    local head = {
        (body and "POST " or "GET ") .. prefix .. path .. " HTTP/1.1",
        "Host: " .. authority,
        "Connection: close",
    }
    if body then
        head[#head + 1] = "Content-Type: application/json"
        head[#head + 1] = "Content-Length: " .. #body
    end
    if resume then
        head[#head + 1] = "X-Surtitle-Resume: " .. resume
    end
    if chosen.token ~= "" then
        head[#head + 1] = "Authorization: Bearer " .. chosen.token:gsub("%c", "")
    end
    self._request = table.concat(head, "\r\n") .. "\r\n\r\n" .. (body or "")
    self:_connect()
    return self
end

-- Do what is possible without waiting.
function Request:step()
    if self.done then
        return
    end
    if self._unsent ~= "" then
        self:_send()
    else
        self:_receive()
    end
    if not self.done and now() > self._deadline then
        self:_fail("no answer in time")
    end
end

function Request:cancel()
    self:_finish(self.error or "cancelled")
end

function Request:_connect()
    self._unsent = self._request
    local host = table.remove(self._hosts, 1)
    local reason
    self._socket, reason = Socket.connect(host, self._port)
    if not self._socket then
        self:_try_next(reason)
    end
end

-- Try the next address of the computer, if there is one.
function Request:_try_next(reason)
    if #self._hosts == 0 then
        self:_fail(reason)
        return
    end
    if self._socket then
        self._socket:close()
    end
    self:_connect()
end

function Request:_send()
    local count, reason = self._socket:send(self._unsent)
    if count then
        self._unsent = self._unsent:sub(count + 1)
    elseif reason then
        if self._unsent == self._request then
            self:_try_next(reason)
        else
            self:_fail(reason)
        end
    end
end

function Request:_receive()
    local data, reason, ended
    local left = MAX_BUFFER - #self._buffer - #self._body
    while left > 0 and not ended do
        data, reason = self._socket:receive(left)
        if not data then
            break
        end
        self._buffer, left, ended = self._buffer .. data, left - #data, data == ""
    end
    local progress = false
    if not self._status then
        progress = self:_read_head()
    end
    if self._status and not self.done then
        progress = self:_read_body(ended) or progress
    end
    if self.done or progress then
        return
    elseif left <= 0 then
        self:_fail("its answer is too long")
    elseif ended or reason then
        self:_fail(reason or "connection closed")
    end
end

-- Whether the head is complete.
function Request:_read_head()
    local stop = self._buffer:find("\r\n\r\n", 1, true)
    if not stop then
        return false
    end
    local head = self._buffer:sub(1, stop + 1)
    self._buffer = self._buffer:sub(stop + 4)
    self._status = tonumber(head:match("^HTTP/1%.%d (%d%d%d)"))
    if not self._status then
        self:_finish(("What answers at %s is not Surtitle: check the address"):format(self._server))
        return false
    end
    local headers = {}
    for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do
        headers[name:lower()] = value
    end
    self._chunked = (headers["transfer-encoding"] or ""):lower():find("chunked", 1, true) ~= nil
    self._length = tonumber(headers["content-length"])
    self._endless = self._status == 200 and (headers["content-type"] or ""):find("application/x-ndjson", 1, true) == 1
    return true
end

-- Whether something of it could be used.
function Request:_read_body(ended)
    local complete = ended
    if self._chunked then
        complete = self:_read_chunks()
    else
        self._body, self._buffer = self._body .. self._buffer, ""
        complete = complete or (self._length ~= nil and #self._body >= self._length)
    end
    if self._endless then
        return self:_read_lines()
    elseif complete then
        self:_read_answer()
    end
    return false
end

-- Whether the last chunk has come.
function Request:_read_chunks()
    local position = 1
    while true do
        local stop = self._buffer:find("\r\n", position, true)
        local digits = stop and self._buffer:sub(position, stop - 1):match("^%x+") or ""
        local size = tonumber(digits:sub(1, 8), 16)
        if not size or #self._buffer < stop + size + 3 then
            self._buffer = self._buffer:sub(position)
            return false
        end
        if size == 0 then
            return true
        end
        self._body = self._body .. self._buffer:sub(stop + 2, stop + size + 1)
        position = stop + size + 4 -- a line break follows
    end
end

-- Whether there was a line.
function Request:_read_lines()
    local position = 1
    while #self.lines < MAX_LINES do
        local stop = self._body:find("\n", position, true)
        if not stop then
            break
        end
        local ok, value = pcall(json.decode, self._body:sub(position, stop - 1))
        if not ok or type(value) ~= "table" then
            self:_fail("its answer cannot be read")
            return false
        end
        self.lines[#self.lines + 1] = value
        position = stop + 1
    end
    if position == 1 then
        return false
    end
    self._body, self._deadline = self._body:sub(position), now() + TIMEOUT
    return true
end

function Request:_read_answer()
    local ok, said = pcall(json.decode, self._body)
    if not ok or type(said) ~= "table" then
        said = {}
    end
    if self._status == 200 then
        self.answer = said
        self:_finish()
    else
        local message = type(said.message) == "string" and said.message
        self:_finish(message or ("The service answers with %d."):format(self._status))
    end
end

function Request:_fail(reason)
    self:_finish(("The service at %s does not answer (%s): start it"):format(self._server, reason))
end

function Request:_finish(problem)
    self.error, self.done = problem, true
    if self._socket then
        self._socket:close()
    end
end

-- What OBS is asked --------------------------------------------------------------------------------------------------

-- The sources with audio, as a list of { name, tracks that can be heard now, muted }.
local function list_audible()
    local found = {}
    local sources = obs.obs_enum_sources() or {}
    for _, source in ipairs(sources) do
        if bit.band(obs.obs_source_get_output_flags(source), obs.OBS_SOURCE_AUDIO) ~= 0 then
            local tracks = obs.obs_source_active(source) and obs.obs_source_get_audio_mixers(source) or 0
            found[#found + 1] = { obs.obs_source_get_name(source), tracks, obs.obs_source_muted(source) }
        end
    end
    obs.source_list_release(sources)
    return found
end

-- Whether the chosen source is muted; with none chosen, whether all on the track are.
local function is_muted(chosen)
    local track, heard = bit.lshift(1, chosen.track - 1), false
    for _, source in ipairs(list_audible()) do
        local name, tracks, muted = source[1], source[2], source[3]
        local concerned = bit.band(tracks, track) ~= 0
        if chosen.mute ~= "" then
            concerned = name == chosen.mute
        end
        if concerned then
            heard = true
            if not muted then
                return false
            end
        end
    end
    return heard
end

-- Seconds by which OBS holds back the stream that runs.
local function get_stream_delay()
    local output = obs.obs_frontend_streaming_active() and obs.obs_frontend_get_streaming_output() or nil
    local seconds = output and obs.obs_output_get_active_delay(output) or 0
    obs.obs_output_release(output)
    return seconds
end

-- The length of OBS's recording in seconds, and its file; 0 and "" if it is not active.
local function get_recording(active)
    local position, file = 0, ""
    local output = active and obs.obs_frontend_get_recording_output() or nil
    if output then
        local video = obs.obs_video_info()
        obs.obs_get_video_info(video)
        position = obs.obs_output_get_total_frames(output) * video.fps_den / math.max(1, video.fps_num)
        local settings = obs.obs_output_get_settings(output)
        file = obs.obs_data_get_string(settings, "path")
        obs.obs_data_release(settings)
        obs.obs_output_release(output)
    end
    return position, file
end

-- Into the stream, where it stays until the next one; with a duration OBS would queue them.
local function send_caption(text)
    local output = obs.obs_frontend_get_streaming_output()
    if output then
        obs.obs_output_output_caption_text2(output, text, 0.0)
        obs.obs_output_release(output)
    end
end

-- Write it to the text source that replaces the overlay, if there is one.
local function write_text(text)
    local source = obs.obs_get_source_by_name(TEXT)
    if source then
        local data = obs.obs_data_create()
        obs.obs_data_set_string(data, "text", text)
        obs.obs_source_update(source, data)
        obs.obs_data_release(data)
    end
    obs.obs_source_release(source)
end

-- Sound ---------------------------------------------------------------------------------------------------------------

-- The stream mix on its way to the service, by an output of OBS's own.
local Sound = {}
Sound.__index = Sound

function Sound.new()
    return setmetatable({ output = nil, connected = false, began = 0.0, _leaving = {} }, Sound)
end

-- Whether OBS accepts it.
function Sound:start(url, track)
    local data = obs.obs_data_create()
    obs.obs_data_set_string(data, "url", url)
    obs.obs_data_set_string(data, "format_name", "s16le")
    obs.obs_data_set_string(data, "audio_encoder", "pcm_s16le")
    -- Without rw_timeout (microseconds) a service that hangs makes OBS grow, and freezes it when it stops.
    local options = "flush_packets=1 rw_timeout=1500000 method=POST content_type=audio/x-raw http_proxy=none"
    obs.obs_data_set_string(data, "muxer_settings", options)
    self.output = obs.obs_output_create("ffmpeg_output", "Surtitle sound", data, nil)
    obs.obs_data_release(data)
    self.connected, self.began = false, now()
    if not self.output then
        return false
    end
    obs.obs_output_set_mixers(self.output, bit.lshift(1, track - 1))
    obs.obs_output_set_media(self.output, obs.obs_get_video(), obs.obs_get_audio())
    return obs.obs_output_start(self.output)
end

-- Ask it to end, which may take as long as rw_timeout. `healthy` is whether the service reads what it is sent.
function Sound:stop(healthy)
    if self.output then
        local connecting = not (self.connected or obs.obs_output_active(self.output))
        local connected_by = connecting and self.began + CONNECT or 0.0
        local linger = healthy and LINGER or LONG_LINGER
        self._leaving[#self._leaving + 1] = { output = self.output, connected_by = connected_by, linger = linger }
        self.output = nil
        self:sweep()
    end
end

-- Release the outputs that ended a while ago. OBS says that an output has ended before the threads of its FFmpeg output
-- have: a service that hangs keeps them for seconds, and OBS would crash if they lost their output.
function Sound:sweep()
    local left, time = {}, now()
    for _, leaving in ipairs(self._leaving) do
        obs.obs_output_stop(leaving.output) -- again, because it may have been connecting before
        if obs.obs_output_active(leaving.output) or time < leaving.connected_by then
            leaving.ended = nil
        else
            leaving.ended = leaving.ended or time
        end
        if leaving.ended and time - leaving.ended > leaving.linger then
            obs.obs_output_release(leaving.output)
        else
            left[#left + 1] = leaving
        end
    end
    self._leaving = left
end

-- Release all outputs at the end of the script. One that may still be closing its connection to a service that hangs
-- is left to OBS, which releases it when it exits.
function Sound:close()
    self:stop_now()
    local deadline = now() + LINGER
    while #self._leaving > 0 and now() < deadline do
        if self._leaving[1].linger == LINGER then
            obs.os_sleep_ms(50)
            self:sweep()
        else
            table.remove(self._leaving, 1)
        end
    end
end

-- Return when nothing runs any more. An output that has just ended is left to `sweep`.
function Sound:stop_now()
    local outputs, left = self._leaving, {}
    if self.output then
        outputs[#outputs + 1] = { output = self.output }
        self.output = nil
    end
    for _, leaving in ipairs(outputs) do
        if leaving.ended then
            left[#left + 1] = leaving
        else
            obs.obs_output_release(leaving.output) -- which stops it, and waits for its threads
        end
    end
    self._leaving = left
end

-- Whether it ended by itself, or did not begin in time: OBS tries once, and tells nobody.
function Sound:is_lost()
    local active = obs.obs_output_active(self.output)
    self.connected = self.connected or active
    return not active and (self.connected or now() - self.began > CONNECT)
end

-- The script ----------------------------------------------------------------------------------------------------------

-- The chosen settings, one for each of FIELDS; without `data` the defaults.
local function read_settings(data)
    local readers = {
        check = obs.obs_data_get_bool,
        track = obs.obs_data_get_int,
        seconds = obs.obs_data_get_double,
    }
    local settings = {}
    for _, field in ipairs(FIELDS) do
        local name, kind, default = field[1], field[2], field[4]
        local value = default
        if data then
            value = (readers[kind] or obs.obs_data_get_string)(data, name)
        end
        settings[name] = type(value) == "string" and trim(value) or value
    end
    -- A path may have letters such as "é".
    settings.server = settings.server:gsub("/+$", ""):gsub("^(%a+://[^/]+)(.*)$", function(authority, path)
        return authority .. path:gsub("[\128-\255]+", percent_encode)
    end)
    settings.track = math.max(1, math.min(6, settings.track))
    return settings
end

-- The channel as a part of an address.
local function get_place(chosen)
    return percent_encode(chosen.channel ~= "" and chosen.channel or "main")
end

local function get_path(chosen, last)
    return "/api/channels/" .. get_place(chosen) .. "/" .. last
end

-- What the source of audio is made of: when it changes, a new source begins.
local function describe_sound(chosen)
    local parts = { chosen.server, chosen.token, chosen.channel, chosen.name, chosen.track, chosen.language }
    return table.concat(parts, "\n")
end

-- Looks at what OBS does and what the service sends, and acts on it.
local Surtitle = {}
Surtitle.__index = Surtitle

function Surtitle.new()
    return setmetatable({
        chosen = read_settings(),
        paused = false,
        suspended = false, -- OBS is about to do what an output of this script would hinder
        ending = false, -- OBS is about to end its stream
        problem = no_sockets or "",
        hotkey = nil, -- OBS's number for it
        _next = nil, -- settings that are not used yet
        _change_at = 0.0,
        _sound = Sound.new(),
        _resume = sockets and make_random_id(), -- by this the service recognizes the source when it returns
        _feed = nil,
        _feed_path = nil,
        _state = {}, -- the newest from the service
        _heard_at = 0.0, -- when something came from it
        _ticket = "",
        _retry = {},
        _ticks = 0,
        _logged = "",
        _muted = false,
        _delay = 0,
        _report = nil,
        _recorded = { active = false, paused = false, file = "" }, -- as the service knows it
        _report_at = 0.0,
        _resting_until = 0.0, -- after an error in this script
    }, Surtitle):_reset_retries()
end

-- OBS reports settings at every key press. They take effect once they stop changing, and the first ones at once.
function Surtitle:choose(settings)
    if self._ticks > 0 then
        self._next, self._change_at = settings, now() + SETTLE
    else
        self.chosen = settings
    end
end

function Surtitle:tick()
    if not sockets or now() < self._resting_until then
        return
    end
    self._ticks = self._ticks + 1
    self._sound:sweep()
    if self.suspended then
        self:_stop_sound()
        return
    end
    if self._next and now() >= self._change_at then
        self:_change(self._next)
    end
    if self._ticks % SLOW == 1 then
        self._muted, self._delay = is_muted(self.chosen), get_stream_delay()
    end
    self:_watch_recording()
    self:_watch_feed()
    self:_watch_sound()
    local status = self:status()
    local first = status:match("^[^,]*")
    if first ~= self._logged then
        self._logged = first
        obs.script_log(obs.LOG_INFO, status)
    end
end

-- None of our outputs runs when this returns, until somebody sets `suspended` back.
function Surtitle:suspend()
    self.suspended = true
    self._sound:stop_now()
end

-- Nothing is left: no output, and no socket.
function Surtitle:close()
    self:suspend()
    self._sound:close()
    self:_drop_requests()
end

-- After an error in this script: begin again in a while.
function Surtitle:recover()
    self._resting_until = now() + LONGEST_PAUSE
    self.problem = "The script had an error, which is in the script log, and starts again soon"
    self:_stop_sound()
    self:_drop_requests()
end

-- Try again now what waits for its next attempt.
function Surtitle:retry_now()
    if self._next then
        self:_change(self._next)
    end
    self._resting_until = 0.0
    self:_reset_retries()
end

-- Whether audio is to be sent now.
function Surtitle:is_wanted()
    local when = self.chosen.when
    local on = when == "always"
        or (when == "recording" and obs.obs_frontend_recording_active())
        or (obs.obs_frontend_streaming_active() and not self.ending)
    return on and not (self.paused or self.suspended or self._muted)
end

-- Whether the service is connected.
function Surtitle:is_answered()
    return self._feed ~= nil and self._state.event ~= nil
end

-- The status as a sentence.
function Surtitle:status_sentence()
    local status = self:status()
    return "Status: " .. status .. (status:match("[.!?]$") and "" or ".")
end

-- One line about what happens.
function Surtitle:status()
    local problem = self.problem ~= "" and self.problem
    if self.paused or self._muted then
        return self.paused and "Paused by the hotkey" or "Muted, so nothing is sent"
    end
    if not self:is_wanted() then
        return problem or "Ready, and begins when OBS does what is chosen under Send"
    end
    local state = self._state
    local source = state.source
    if not self._sound.connected or not source then
        return problem or "Connecting to " .. self.chosen.server
    end
    local parts = {
        ("Connected (%s)"):format(source.engine),
        ("%d s sent"):format(source.seconds),
        ("lag %g s"):format(source.lag),
    }
    if self.chosen.captions then
        parts[#parts + 1] = state.refusal ~= "" and state.refusal or "closed captions: " .. state.closed_captions
    end
    if state.caption ~= "" then
        -- the last words, but not a part of a word or of a letter
        local words = (" " .. state.caption):sub(-60)
        words = words:match("^%S* (.*)$") or words:gsub("^[\128-\191]+", "")
        parts[#parts + 1] = "last caption: " .. words
    end
    return table.concat(parts, ", ")
end

-- The address of the overlay. Where the service wants tokens, it sends one that can only be viewed.
function Surtitle:overlay_page()
    local query = (self._state.page or ""):match("(%?[^#]*)") or ""
    return self.chosen.server .. "/overlay/" .. get_place(self.chosen) .. query
end

function Surtitle:_reset_retries()
    self._retry = { sound = { 0.0, FIRST_PAUSE }, feed = { 0.0, FIRST_PAUSE } } -- when, and the pause after that
    return self
end

function Surtitle:_drop_requests()
    for _, request in pairs({ self._feed or false, self._report or false }) do
        if request then
            request:cancel()
        end
    end
    self._feed, self._report, self._state, self._ticket = nil, nil, {}, ""
end

function Surtitle:_change(chosen)
    local before = self.chosen
    self.chosen, self._next = chosen, nil
    self:_reset_retries()
    self._feed_path, self.problem = nil, ""
    if describe_sound(before) ~= describe_sound(chosen) then
        self:_stop_sound()
        self._resume, self._state = make_random_id(), {}
    end
end

function Surtitle:_stop_sound()
    self._sound:stop(now() - self._heard_at < HEARTBEAT + 1)
end

function Surtitle:_watch_sound()
    local sound, time = self._sound, now()
    if sound.output then
        local worked = sound.connected and time - sound.began > 2 * FIRST_PAUSE
        if not self:is_wanted() then
            self:_stop_sound()
        elseif sound:is_lost() then
            sound:stop(false)
            self:_fail("sound", ("The service at %s no longer accepts audio"):format(self.chosen.server))
            if worked then -- try at once: the service may only want a new connection, where a source may not last
                self._retry.sound = { time, FIRST_PAUSE }
            end
        elseif worked then
            self._retry.sound, self.problem = { 0.0, FIRST_PAUSE }, ""
        end
    elseif self:is_wanted() and self._ticket ~= "" and time >= self._retry.sound[1] then
        local url = self.chosen.server .. get_path(self.chosen, "audio") .. "?ticket=" .. self._ticket
        self._ticket = ""
        if not sound:start(url, self.chosen.track) then
            sound:stop(false)
            self:_fail("sound", "OBS cannot start its FFmpeg output: its log says why")
        end
    end
end

-- One connection on which the service sends everything.
function Surtitle:_watch_feed()
    local path = self:_wanted_feed()
    if self._feed and (self._feed.done or path ~= self._feed_path) then
        if self._feed.done then
            self:_fail("feed", self._feed.error or ("The service at %s has ended"):format(self.chosen.server))
        end
        self._feed:cancel()
        self._feed, self._state, self._ticket = nil, {}, ""
    end
    if not self._feed and path and now() >= self._retry.feed[1] then
        self._feed_path, self._feed = path, Request.new(self.chosen, path, self._resume)
    end
    if self._feed then
        self._feed:step()
        local lines = self._feed.lines
        self._feed.lines = {}
        for _, line in ipairs(lines) do
            self:_accept(line)
        end
    end
end

function Surtitle:_accept(line)
    self._heard_at = now()
    if line.event == "screen" then
        send_caption(line.text)
    elseif line.event == "overlay" then
        write_text(line.text)
    elseif line.event == "ticket" then
        self._ticket = line.ticket
    elseif line.event == "state" then
        self._state, self._retry.feed = line, { 0.0, FIRST_PAUSE }
    end
end

-- Report how long OBS's recording is, so that transcripts can be fitted to it.
function Surtitle:_watch_recording()
    local time = now()
    if self._report then
        self._report:step()
        if not self._report.done then
            return
        end
        if self._report.error then
            self._recorded, self._report_at = {}, time + LONGEST_PAUSE
        end
        self._report = nil
    end
    local recorded = self._recorded
    local active = obs.obs_frontend_recording_active()
    local paused = active and obs.obs_frontend_recording_paused()
    local changed = active ~= recorded.active or paused ~= recorded.paused
    local known = recorded.active ~= nil
    if (changed and known) or ((active or changed) and time >= self._report_at) then
        local position, file = get_recording(active)
        local state = { active = active, paused = paused, position = position }
        state.file = file ~= "" and file or recorded.file or ""
        self._recorded, self._report_at = state, time + REPORT_INTERVAL
        self._report = Request.new(self.chosen, get_path(self.chosen, "obs/recording"), nil, json.encode(state))
    end
end

-- What the service is asked for, or nil. The address of the audio ends up in OBS's log: the service sends a ticket for
-- it, which is no secret.
function Surtitle:_wanted_feed()
    local info = obs.obs_audio_info()
    obs.obs_get_audio_info(info)
    if info.speakers > 2 then
        self.problem = "Surround sound is not understood: choose Stereo under Settings, Audio, Channels"
        return nil
    end
    local chosen = self.chosen
    local query = {
        ("rate=%d&channels=%d&overlay=1"):format(info.samples_per_sec, info.speakers),
        "source=" .. percent_encode(chosen.name ~= "" and chosen.name or "OBS"),
    }
    if chosen.language ~= "" then
        query[#query + 1] = "lang=" .. percent_encode(chosen.language)
    end
    if chosen.captions and obs.obs_frontend_streaming_active() then
        query[#query + 1] = ("captions=1&delay=%g&picture=%d"):format(chosen.delay, self._delay)
        query[#query + 1] = "captions_lang=" .. percent_encode(chosen.caption_language)
    end
    return get_path(chosen, "obs") .. "?" .. table.concat(query, "&")
end

function Surtitle:_fail(what, problem)
    self.problem = problem
    local pause = self._retry[what][2]
    self._retry[what] = { now() + pause, math.min(2 * pause, LONGEST_PAUSE) }
end

local surtitle = Surtitle.new()

-- What OBS calls ------------------------------------------------------------------------------------------------------

-- A function whose errors are logged, and after which the script begins again, instead of OBS's calling it in vain.
local function guard(work)
    return function(...)
        local ok, result = xpcall(work, debug.traceback, ...)
        if ok then
            return result
        end
        obs.script_log(obs.LOG_WARNING, "The script had an error: " .. tostring(result))
        local recovered, problem = pcall(surtitle.recover, surtitle)
        if not recovered then
            obs.script_log(obs.LOG_WARNING, "The script could not recover: " .. tostring(problem))
        end
        return nil
    end
end

-- Put the overlay page into the scene, as large as the picture; where OBS has no browser source, a text.
local function add_overlay()
    local video = obs.obs_video_info()
    obs.obs_get_video_info(video)
    local data = obs.obs_data_create()
    local kind, name = "browser_source", BROWSER
    if obs.obs_get_source_output_flags("browser_source") ~= 0 then
        obs.obs_data_set_string(data, "url", surtitle:overlay_page())
        obs.obs_data_set_int(data, "width", video.base_width)
        obs.obs_data_set_int(data, "height", video.base_height)
    else
        local windows = obs.obs_get_source_output_flags("text_gdiplus") ~= 0
        kind, name = obs.obs_get_latest_input_type_id(windows and "text_gdiplus" or "text_ft2_source"), TEXT
        local font = obs.obs_data_create()
        obs.obs_data_set_string(font, "face", "Arial")
        obs.obs_data_set_int(font, "size", math.floor(video.base_height / 18))
        obs.obs_data_set_obj(data, "font", font)
        obs.obs_data_release(font)
        obs.obs_data_set_bool(data, "outline", true)
        obs.obs_data_set_string(data, "text", "Captions appear here.")
    end
    local source = obs.obs_get_source_by_name(name)
    if source then
        obs.obs_source_update(source, data)
    else
        source = obs.obs_source_create(kind, name, data, nil)
    end
    local current = obs.obs_frontend_get_current_scene()
    local scene = current and obs.obs_scene_from_source(current)
    if scene and source and not obs.obs_scene_find_source(scene, name) then
        local item = obs.obs_scene_add(scene, source)
        if name == TEXT then
            local place = obs.vec2() -- at the bottom, in the middle
            place.x, place.y = video.base_width * 0.5, video.base_height * 0.95
            obs.obs_sceneitem_set_alignment(item, ALIGN_BOTTOM)
            obs.obs_sceneitem_set_pos(item, place)
        end
    end
    obs.obs_source_release(current)
    obs.obs_source_release(source)
    obs.obs_data_release(data)
end

-- Show what is known. The connection to the service is always open, so nothing has to be waited for.
local function test_connection(properties)
    local result = "the service answers"
    if not surtitle:is_answered() then
        local problem = surtitle.problem ~= "" and surtitle.problem .. " – " or ""
        surtitle:retry_now()
        result = sockets and problem .. "trying again: press once more in a moment" or no_sockets
    end
    local text = ("Test: %s. %s"):format(result, surtitle:status_sentence())
    obs.obs_property_set_description(obs.obs_properties_get(properties, "status"), text)
    return true
end

-- An output that runs keeps OBS from changing its profile, its picture and its scenes, and from ending.
local HINDERED = {}
for _, name in ipairs({
    "PROFILE_CHANGING",
    "SCENE_COLLECTION_CHANGING",
    "SCENE_COLLECTION_CLEANUP",
    "SCRIPTING_SHUTDOWN",
    "EXIT",
}) do
    HINDERED[obs["OBS_FRONTEND_EVENT_" .. name] or false] = true -- an old OBS may not have all
end

local on_event = guard(function(event)
    if HINDERED[event] then
        surtitle:suspend()
    elseif
        event == obs.OBS_FRONTEND_EVENT_PROFILE_CHANGED
        or event == obs.OBS_FRONTEND_EVENT_SCENE_COLLECTION_CHANGED
    then
        surtitle.suspended = false
    elseif event == obs.OBS_FRONTEND_EVENT_STREAMING_STOPPING then
        surtitle.ending = true
    elseif event == obs.OBS_FRONTEND_EVENT_STREAMING_STOPPED then
        surtitle.ending = false
    end
end)

local on_pause = guard(function(pressed)
    if pressed then
        surtitle.paused = not surtitle.paused
    end
end)

local on_timer = guard(function()
    surtitle:tick()
end)

-- luacheck: globals script_description script_defaults script_properties script_update
-- luacheck: globals script_load script_save script_unload

function script_description()
    return "<b>Surtitle</b>: live captions for this stream.<p>Sends the stream's audio to the Surtitle service. "
        .. "Its captions appear in the scene, and in the stream as closed captions.</p>"
end

function script_defaults(data)
    for _, field in ipairs(FIELDS) do
        local name, kind, default = field[1], field[2], field[4]
        if kind == "track" then
            obs.obs_data_set_default_int(data, name, default)
        elseif type(default) == "string" then
            obs.obs_data_set_default_string(data, name, default)
        end
    end
end

function script_properties()
    local made = obs.obs_properties_create()
    obs.obs_properties_add_text(made, "status", surtitle:status_sentence(), obs.OBS_TEXT_INFO)
    obs.obs_properties_add_button(made, "test", "Test connection", guard(test_connection))
    obs.obs_properties_add_button(made, "overlay", "Add caption overlay to this scene", guard(add_overlay))
    for _, field in ipairs(FIELDS) do
        local name, kind, label, explanation = field[1], field[2], field[3], field[5]
        local added
        if kind == "list" then
            added = obs.obs_properties_add_list(
                made,
                name,
                label,
                obs.OBS_COMBO_TYPE_LIST,
                obs.OBS_COMBO_FORMAT_STRING
            )
            local choices = WHEN
            if name == "mute" then
                choices = { { "(the whole track)", "" } }
                for _, source in ipairs(list_audible()) do
                    choices[#choices + 1] = { source[1], source[1] }
                end
            end
            for _, choice in ipairs(choices) do
                obs.obs_property_list_add_string(added, choice[1], choice[2])
            end
        elseif kind == "track" then
            added = obs.obs_properties_add_int(made, name, label, 1, 6, 1)
        elseif kind == "check" then
            added = obs.obs_properties_add_bool(made, name, label)
        elseif kind == "seconds" then
            added = obs.obs_properties_add_float(made, name, label, 0, 60, 0.1)
        else
            local text = kind == "password" and obs.OBS_TEXT_PASSWORD or obs.OBS_TEXT_DEFAULT
            added = obs.obs_properties_add_text(made, name, label, text)
        end
        obs.obs_property_set_long_description(added, explanation)
    end
    return made
end

script_update = guard(function(data)
    surtitle:choose(read_settings(data))
end)

function script_load(data)
    surtitle.hotkey = obs.obs_hotkey_register_frontend("surtitle.pause", "Surtitle: pause captions", on_pause)
    local keys = obs.obs_data_get_array(data, "hotkey")
    obs.obs_hotkey_load(surtitle.hotkey, keys)
    obs.obs_data_array_release(keys)
    obs.obs_frontend_add_event_callback(on_event)
    obs.timer_add(on_timer, TICK)
end

function script_save(data)
    local keys = obs.obs_hotkey_save(surtitle.hotkey)
    obs.obs_data_set_array(data, "hotkey", keys)
    obs.obs_data_array_release(keys)
end

script_unload = guard(function()
    surtitle:close()
    if sockets then
        sockets.release()
    end
end)

-- OBS ignores this; it is for tests.
return {
    surtitle = surtitle,
    Request = Request,
    json = json,
    add_overlay = add_overlay,
    test_connection = test_connection,
}
