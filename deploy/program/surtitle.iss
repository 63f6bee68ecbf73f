; The installer for Windows, for Inno Setup 6: ISCC.exe /DVersion=1.2.3 deploy\program\surtitle.iss
; It installs for the current user, without an administrator. The program is in a folder of its own, `program`, which
; updates replace as a whole; the uninstaller is beside it.

[Setup]
AppId={{6E0C8C3B-6E8C-4E4F-9C0B-5C7D3B0F9A41}
AppName=Surtitle
AppVersion={#Version}
AppPublisher=Surtitle contributors
AppPublisherURL=https://github.com/surtitle/surtitle
DefaultDirName={localappdata}\Programs\Surtitle
DisableDirPage=yes
DisableProgramGroupPage=yes
PrivilegesRequired=lowest
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
CloseApplications=yes
Compression=lzma2/max
SolidCompression=yes
WizardStyle=modern
LicenseFile=..\..\LICENSE
UninstallDisplayIcon={app}\program\Surtitle.exe
SourceDir=..\..
OutputDir=dist\program
OutputBaseFilename=surtitle-{#Version}-windows-x64-setup

[Languages]
Name: en; MessagesFile: compiler:Default.isl
Name: de; MessagesFile: compiler:Languages\German.isl
Name: es; MessagesFile: compiler:Languages\Spanish.isl
Name: fr; MessagesFile: compiler:Languages\French.isl

[InstallDelete]
Type: filesandordirs; Name: "{app}\program"

[Files]
Source: build\program\Surtitle\*; DestDir: "{app}\program"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{autoprograms}\Surtitle"; Filename: "{app}\program\Surtitle.exe"

[Run]
Filename: "{app}\program\Surtitle.exe"; Description: "Surtitle"; Flags: nowait postinstall skipifsilent

[UninstallRun]
Filename: "{app}\program\surtitle-cli.exe"; Parameters: "uninstall --yes --keep-program"; Flags: runhidden; RunOnceId: "Entries"

[UninstallDelete]
Type: filesandordirs; Name: "{app}\program"
Type: filesandordirs; Name: "{app}\.program-update"
Type: filesandordirs; Name: "{app}\.program-previous"

[Code]
procedure CurUninstallStepChanged(Step: TUninstallStep);
begin
  if (Step = usPostUninstall) and DirExists(ExpandConstant('{localappdata}\surtitle')) then
    if not UninstallSilent then
      MsgBox('Settings, transcripts and recordings stay in ' + ExpandConstant('{localappdata}\surtitle') +
        '. Delete this folder if you do not need them.', mbInformation, MB_OK);
end;
