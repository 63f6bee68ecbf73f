// The service's HTTP interface, as the pages use it. What fails throws a `ServiceError`.

import { t } from "./i18n.js";

/**
 * @import { ChannelSettings, ChannelStatus, ChannelTranscript, Correction, IngestList, LanguageList, ModelList, NewIngest, NewToken,
 *   OutputDescription, OutputList, PageLinks, ProgramStatus, Session, SessionDifference, SessionList, SettingsChanges, Style, TokenList,
 *   TranscriptJson, VoiceList }
 *   from "./protocol.js"
 */

/** The path before all addresses of the service, without a slash at its end; behind a proxy, it may not be empty. */
export const BASE = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");

/** The service refused a request, or did not answer; the message is a sentence for people. */
export class ServiceError extends Error {
  /** @param {string} message @param {number} status of HTTP; 0 without an answer */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** @param {string} channel @param {string} [rest] */
export function channelPath(channel, rest = "") {
  return `${BASE}/api/channels/${encodeURIComponent(channel)}${rest}`;
}

/** @param {string} id @param {string} [rest] */
export function sessionPath(id, rest = "") {
  return `${BASE}/api/sessions/${encodeURIComponent(id)}${rest}`;
}

/** The address of a WebSocket. @param {string} path @param {Record<string, string>} [query] empty values are left out */
export function socketAddress(path, query = {}) {
  const url = new URL(path, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  for (const [name, value] of Object.entries(query)) if (value) url.searchParams.set(name, value);
  return url.href;
}

/** @type {() => Promise<ModelList>} */
export const getModels = () => request(`${BASE}/api/models`);

/** @type {() => Promise<LanguageList>} */
export const getLanguages = () => request(`${BASE}/api/languages`);

/** @type {() => Promise<{started: boolean}>} */
export const playDemo = () => request(`${BASE}/api/demo`, { method: "POST" });

/** @type {(changes: {autostart?: boolean, check_for_updates?: boolean}) => Promise<ProgramStatus>} */
export const changeProgram = (changes) => request(`${BASE}/api/program`, { method: "PATCH", body: changes });

/** @type {(action: "check" | "fetch" | "restart" | "logs" | "quit") => Promise<ProgramStatus>} */
export const runProgramAction = (action) => request(`${BASE}/api/program/${action}`, { method: "POST" });

/** Those who can only view get the name, the language and the translation. @type {(channel: string) => Promise<Pick<ChannelStatus, "translation">>} */
export const getChannel = (channel) => request(channelPath(channel));

/** @type {(channel: string) => Promise<PageLinks>} */
export const getLinks = (channel) => request(channelPath(channel, "/links"));

/** @type {(channel: string) => Promise<unknown>} */
export const clearChannel = (channel) => request(channelPath(channel, "/clear"), { method: "POST" });

/** @type {(channel: string, language: string) => Promise<ChannelTranscript>} */
export const getTranscript = (channel, language) =>
  request(channelPath(channel, `/transcript.json${languageQuery(language)}`));

/** @type {(channel: string, id: string, correction: Correction) => Promise<unknown>} */
export const correctCaption = (channel, id, correction) =>
  request(channelPath(channel, `/captions/${encodeURIComponent(id)}`), { method: "PATCH", body: correction });

/** @type {(channel: string) => Promise<ChannelSettings>} */
export const getSettings = (channel) => request(channelPath(channel, "/settings"));

/** @type {(channel: string, changes: SettingsChanges) => Promise<ChannelSettings>} */
export const changeSettings = (channel, changes) =>
  request(channelPath(channel, "/settings"), { method: "PATCH", body: changes });

/** @type {(channel: string) => Promise<OutputList>} */
export const getOutputs = (channel) => request(channelPath(channel, "/outputs"));

/** @type {(channel: string, fields: Record<string, unknown>) => Promise<OutputDescription>} */
export const addOutput = (channel, fields) => request(channelPath(channel, "/outputs"), { method: "POST", body: fields });

/** @type {(channel: string, id: string, fields: Record<string, unknown>) => Promise<unknown>} */
export const changeOutput = (channel, id, fields) =>
  request(channelPath(channel, `/outputs/${encodeURIComponent(id)}`), { method: "PATCH", body: fields });

/** @type {(channel: string, id: string) => Promise<unknown>} */
export const removeOutput = (channel, id) =>
  request(channelPath(channel, `/outputs/${encodeURIComponent(id)}`), { method: "DELETE" });

/** Send an alert that says nothing is wrong. @type {(channel: string) => Promise<unknown>} */
export const testAlerts = (channel) => request(channelPath(channel, "/alerts/test"), { method: "POST" });

/** Add the overlay to the scene on program in OBS. @type {(channel: string) => Promise<{ scene: string }>} */
export const addObsOverlay = (channel) => request(channelPath(channel, "/obs/overlay"), { method: "POST" });

/** @type {(channel: string, on: boolean) => Promise<unknown>} */
export const record = (channel, on) => request(channelPath(channel, "/recording"), { method: on ? "POST" : "DELETE" });

/** @type {(channel: string, ingest: NewIngest) => Promise<IngestList>} */
export const addIngest = (channel, ingest) => request(channelPath(channel, "/ingests"), { method: "POST", body: ingest });

/** @type {(channel: string, id: string) => Promise<IngestList>} */
export const removeIngest = (channel, id) =>
  request(channelPath(channel, `/ingests/${encodeURIComponent(id)}`), { method: "DELETE" });

/**
 * The subtitles or the text of a file, by the interface for OpenAI's clients.
 * @param {string} channel whose language and vocabulary apply @param {File} file @param {string} format
 */
export async function transcribeFile(channel, file, format) {
  const body = new FormData();
  body.append("model", "whisper-1"); // which is the channel's own model
  body.append("response_format", format);
  body.append("file", file);
  let response;
  let text;
  try {
    response = await fetch(channelPath(channel, "/v1/audio/transcriptions"), { method: "POST", body });
    text = await response.text();
  } catch {
    throw new ServiceError(t("The service does not answer."), 0);
  }
  if (!response.ok) throw new ServiceError(JSON.parse(text).error.message, response.status);
  return text;
}

/** @type {(channel: string) => Promise<VoiceList>} */
export const getVoices = (channel) => request(channelPath(channel, "/voices"));

/** Delete the voice of one person, or all. @type {(channel: string, id?: string) => Promise<VoiceList>} */
export const deleteVoices = (channel, id) =>
  request(channelPath(channel, id ? `/voices/${encodeURIComponent(id)}` : "/voices"), { method: "DELETE" });

/** All styles of a channel, by name. @type {(channel: string) => Promise<Record<string, Style>>} */
export const getStyles = (channel) => request(channelPath(channel, "/styles"));

/** All styles afterwards. @type {(channel: string, name: string, style: Style) => Promise<Record<string, Style>>} */
export const saveStyle = (channel, name, style) =>
  request(channelPath(channel, `/styles/${encodeURIComponent(name)}`), { method: "PUT", body: style });

/** All styles afterwards. @type {(channel: string, name: string) => Promise<Record<string, Style>>} */
export const deleteStyle = (channel, name) =>
  request(channelPath(channel, `/styles/${encodeURIComponent(name)}`), { method: "DELETE" });

/** @type {() => Promise<TokenList>} */
export const getTokens = () => request(`${BASE}/api/tokens`);

/** @type {(wanted: Record<string, unknown>) => Promise<NewToken>} */
export const createToken = (wanted) => request(`${BASE}/api/tokens`, { method: "POST", body: wanted });

/** @type {(id: string) => Promise<unknown>} */
export const revokeToken = (id) => request(`${BASE}/api/tokens/${encodeURIComponent(id)}`, { method: "DELETE" });

/** @type {(query: URLSearchParams) => Promise<SessionList>} */
export const getSessions = (query) => request(`${BASE}/api/sessions?${query}`);

/** @type {(id: string, signal?: AbortSignal) => Promise<Session>} */
export const getSession = (id, signal) => request(sessionPath(id), { signal });

/** Show other names for speakers. @type {(id: string, names: Record<string, string>) => Promise<Session>} */
export const renameSpeakers = (id, names) => request(sessionPath(id), { method: "PATCH", body: { names } });

/** @type {(id: string) => Promise<unknown>} */
export const deleteSession = (id) => request(sessionPath(id), { method: "DELETE" });

/** @type {(id: string, signal?: AbortSignal) => Promise<Session>} */
export const startSecondPass = (id, signal) => request(sessionPath(id, "/polish"), { method: "POST", signal });

/** @type {(id: string) => Promise<Session>} */
export const stopSecondPass = (id) => request(sessionPath(id, "/polish"), { method: "DELETE" });

/** @type {(id: string, query: URLSearchParams, signal?: AbortSignal) => Promise<TranscriptJson>} */
export const getSessionTranscript = (id, query, signal) =>
  request(sessionPath(id, `/transcript.json?${query}`), { signal });

/** @type {(id: string, signal?: AbortSignal) => Promise<SessionDifference>} */
export const getDifference = (id, signal) => request(sessionPath(id, "/difference"), { signal });

/** The query for a language; the original without one. @param {string} language */
export function languageQuery(language) {
  return language ? `?lang=${encodeURIComponent(language)}` : "";
}

/**
 * Send a request, and read the JSON that answers it. An aborted request throws the `AbortError` of `fetch`.
 * @template T
 * @param {string} path
 * @param {{method?: string, body?: object, signal?: AbortSignal}} [options]
 * @returns {Promise<T>}
 */
async function request(path, { method = "GET", body, signal } = {}) {
  let response;
  let json;
  try {
    response = await fetch(path, { method, signal, body: body && JSON.stringify(body) });
    json = await response.json();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ServiceError(t("The service does not answer."), 0);
  }
  if (!response.ok) throw new ServiceError(json.message, response.status);
  return json;
}
