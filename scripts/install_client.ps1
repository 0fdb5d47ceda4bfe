<#
.SYNOPSIS
Installs arpc, the ARP client, as a scheduled task that runs from logon on, without administrator rights.

.DESCRIPTION
Run it again at any time: it rewrites what is there and restarts the client. All options of arpc are
kept in a settings file in your own profile and never on a command line, because a client id opens
the tunnel and a key opens more. What you edit in that file is kept; only the options given here are
written over it.

.PARAMETER ArpcOptions
The options of arpc, as arpc takes them: --server-addr HOST --local-port N --client-id ID ...

.PARAMETER Name
Installs another client beside the first; it is called arpc-NAME.

.PARAMETER Binary
Uses this compiled arpc.exe (see: deno task compile).

.PARAMETER Deno
Without -Binary: runs the sources of this checkout by this deno (default: the one in PATH).

.PARAMETER Uninstall
Stops the client and removes its task. The settings stay.

.PARAMETER Purge
With -Uninstall: removes the settings and logs as well.

.EXAMPLE
.\install_client.ps1 --server-addr tunnel.example.com --local-port 3000 --client-id my-app

.EXAMPLE
.\install_client.ps1 -Name db -Binary .\arpc-x86_64-pc-windows-msvc.exe --server-addr tunnel.example.com --local-port 5432

.EXAMPLE
.\install_client.ps1 -Name db -Uninstall -WhatIf
#>
[CmdletBinding(SupportsShouldProcess = $true, PositionalBinding = $false)]
param(
    [ValidatePattern('^[A-Za-z0-9_-]*$')]
    [string] $Name = '',
    [string] $Binary = '',
    [string] $Deno = '',
    [switch] $Uninstall,
    [switch] $Purge,
    [Parameter(ValueFromRemainingArguments = $true)]
    [string[]] $ArpcOptions = @()
)

Set-StrictMode -Version 2.0
$ErrorActionPreference = 'Stop'

$task = 'arpc'
if ($Name) { $task = "arpc-$Name" }
$source = Split-Path -Parent $PSScriptRoot
$home_folder = Join-Path $env:LOCALAPPDATA 'arp'
$program = Join-Path $home_folder 'arpc'
$settings_file = Join-Path $home_folder "$task.env"
$runner = Join-Path $home_folder "$task.ps1"
$log = Join-Path $home_folder "$task.log"
# Windows PowerShell 5.1 writes a byte order mark with -Encoding UTF8, which would become a part of
# the first setting's name.
$utf8 = New-Object System.Text.UTF8Encoding($false)

function Read-ArpcOption {
    # Turns the options of arpc into the variables that stand for them. A repeated one is a list.
    param([string[]] $Words)
    $found = [ordered] @{}
    $index = 0
    while ($index -lt $Words.Count) {
        $word = $Words[$index]
        $index++
        if ($word -notmatch '^--(?<option>[a-z][a-z0-9-]*)(=(?<value>.*))?$') {
            throw "Unknown argument '$word': options of arpc look like --server-addr HOST"
        }
        $option = $Matches['option']
        if ($Matches.ContainsKey('value')) {
            $value = $Matches['value']
        }
        elseif ($option -like 'no-*') {
            $option = $option.Substring(3)
            $value = 'false'
        }
        elseif ($index -lt $Words.Count -and $Words[$index] -notlike '--*') {
            $value = $Words[$index]
            $index++
        }
        else {
            # Without a value after it, it is a switch.
            $value = 'true'
        }
        if ($value -match "['\r\n]") {
            throw "Cannot store the value of --${option}: quotes and line ends are not allowed"
        }
        if ($option -like '*-port') {
            $port = 0
            # 0 is any that the server has to give.
            $least = if ($option -eq 'remote-port') { 0 } else { 1 }
            if (-not [int]::TryParse($value, [ref] $port) -or $port -lt $least -or $port -gt 65535) {
                throw "--${option}: a port is a number from 1 to 65535, not '$value'"
            }
        }
        $variable = 'ARPC_' + $option.ToUpperInvariant().Replace('-', '_')
        if ($found.Contains($variable)) { $value = $found[$variable] + ',' + $value }
        $found[$variable] = $value
    }
    return $found
}

function Get-SettingLine {
    if (Test-Path -LiteralPath $settings_file) {
        return @([System.IO.File]::ReadAllLines($settings_file))
    }
    return @(
        "# Settings of $task, an ARP client. Each option of ``arpc --help`` can stand here: ARPC_ and its",
        '# name in capitals, with _ for -, true for a switch, and the value in single quotes. Keys and',
        "# tokens may stand here as well. Then: Stop-ScheduledTask $task; Start-ScheduledTask $task"
    )
}

function Merge-Setting {
    param([string[]] $Lines, [System.Collections.IDictionary] $Given)
    $kept = @($Lines | Where-Object { -not ($_ -match '^\s*(\w+)=' -and $Given.Contains($Matches[1])) })
    $added = @($Given.Keys | ForEach-Object { "$_='$($Given[$_])'" })
    return $kept + $added
}

function Test-Setting {
    param([string[]] $Lines, [string] $Variable)
    return @($Lines | Where-Object { $_ -match "^\s*$Variable=.+" }).Count -gt 0
}

function Install-Program {
    # Puts in place what the task starts, and returns its command as a list of words.
    New-Item -ItemType Directory -Force -Path $program | Out-Null
    if ($Binary) {
        $target = Join-Path $program 'arpc.exe'
        Copy-Item -LiteralPath $Binary -Destination $target -Force
        return @($target)
    }
    if (-not (Test-Path -LiteralPath (Join-Path $source 'client\main.ts'))) {
        throw 'No client\main.ts beside this script: run it from a checkout, or give -Binary FILE'
    }
    if (-not $Deno) {
        $command = Get-Command deno -CommandType Application -ErrorAction SilentlyContinue |
            Select-Object -First 1
        if (-not $command) {
            throw 'No deno found: name it with -Deno FILE, or install a compiled arpc with -Binary FILE'
        }
        $script:Deno = $command.Source
    }
    $app = Join-Path $program 'app'
    if (Test-Path -LiteralPath $app) { Remove-Item -LiteralPath $app -Recurse -Force }
    New-Item -ItemType Directory -Force -Path (Join-Path $app 'server') | Out-Null
    Copy-Item -LiteralPath (Join-Path $source 'deno.json') -Destination $app
    # The lock file is read and never written: the copy has to stay what the checkout has.
    $lock = '--no-lock'
    if (Test-Path -LiteralPath (Join-Path $source 'deno.lock')) {
        Copy-Item -LiteralPath (Join-Path $source 'deno.lock') -Destination $app
        $lock = '--frozen'
    }
    # A member of the workspace has to have its deno.json, even if nothing of it is used.
    Copy-Item -LiteralPath (Join-Path $source 'server\deno.json') -Destination (Join-Path $app 'server')
    foreach ($part in 'common', 'client') {
        Copy-Item -LiteralPath (Join-Path $source $part) -Destination $app -Recurse
    }
    Get-ChildItem -LiteralPath $app -Recurse -Filter '*_test.ts' | Remove-Item -Force
    $env:DENO_DIR = Join-Path $program 'deno_dir'
    Push-Location $app
    try {
        & $Deno cache --quiet $lock client/main.ts client/launch.ts | Out-Host
        if ($LASTEXITCODE -ne 0) { throw 'Cannot fetch the dependencies; run this again' }
    }
    finally {
        Pop-Location
    }
    return @($Deno, 'run', '--quiet', '--no-prompt', '--cached-only', $lock)
}

function Get-Quoted {
    param([string] $Text)
    return "'" + $Text.Replace("'", "''") + "'"
}

function Get-RunnerText {
    # The task scheduler restarts what it could not start, but not what ended with a failure.
    param([string[]] $Command)
    $start = '& ' + (@($Command | ForEach-Object { Get-Quoted $_ }) -join ' ')
    $permissions = ''
    if (-not $Binary) {
        $client = Join-Path $program 'app\client'
        # The smallest set for the settings as they are now; one flag a line.
        $permissions = "`$permissions = @($start --allow-env --allow-read " +
            "$(Get-Quoted (Join-Path $client 'launch.ts')) --print-permissions)"
        $start = "$start @permissions $(Get-Quoted (Join-Path $client 'main.ts'))"
    }
    return @"
# Written by install_client.ps1, which overwrites it. Runs arpc with its settings, again and again.
`$env:DENO_DIR = $(Get-Quoted (Join-Path $program 'deno_dir'))
`$env:DENO_NO_UPDATE_CHECK = '1'
foreach (`$line in [System.IO.File]::ReadAllLines($(Get-Quoted $settings_file))) {
    if (`$line -match "^\s*(\w+)=(['""]?)(.*)\2\s*`$") {
        [System.Environment]::SetEnvironmentVariable(`$Matches[1], `$Matches[3], 'Process')
    }
}
while (`$true) {
    $permissions
    $start *>> $(Get-Quoted $log)
    # 0: asked to stop, 2: bad settings, 3: another client took over this id.
    if (`$LASTEXITCODE -in 0, 2, 3) { exit `$LASTEXITCODE }
    Start-Sleep -Seconds 5
}
"@
}

function Close-Client {
    if (Get-ScheduledTask -TaskName $task -ErrorAction SilentlyContinue) {
        Stop-ScheduledTask -TaskName $task
        return $true
    }
    return $false
}

if ($Purge -and -not $Uninstall) { throw '-Purge goes with -Uninstall' }
if ($Binary -and $Deno) { throw '-Binary and -Deno exclude each other: a compiled arpc needs no deno' }
if (-not (Get-Command Register-ScheduledTask -ErrorAction SilentlyContinue)) {
    throw 'Scheduled tasks exist on Windows only; elsewhere use install_client.sh'
}

if ($Uninstall) {
    if ($PSCmdlet.ShouldProcess($task, 'stop and remove the client')) {
        if (Close-Client) {
            Unregister-ScheduledTask -TaskName $task -Confirm:$false
            Write-Output "removed the task $task"
        }
        else {
            Write-Output "$task is not installed"
        }
        Remove-Item -LiteralPath $runner -Force -ErrorAction SilentlyContinue
        if ($Purge) {
            Remove-Item -LiteralPath $settings_file, $log -Force -ErrorAction SilentlyContinue
        }
        elseif (Test-Path -LiteralPath $settings_file) {
            Write-Output "kept $settings_file (-Purge removes it)"
        }
        # Every client has a runner; without one, nobody uses the program any more.
        if (-not (Test-Path -Path (Join-Path $home_folder 'arpc*.ps1'))) {
            Remove-Item -LiteralPath $program -Recurse -Force -ErrorAction SilentlyContinue
        }
    }
    return
}

$given = Read-ArpcOption -Words $ArpcOptions
$lines = @(Merge-Setting -Lines (Get-SettingLine) -Given $given)
if (-not (Test-Setting $lines 'ARPC_CONFIG')) {
    if (-not (Test-Setting $lines 'ARPC_SERVER_ADDR')) {
        throw 'Which server? Give --server-addr HOST (or --config FILE)'
    }
    if (-not (Test-Setting $lines 'ARPC_LOCAL_PORT') -and -not (Test-Setting $lines 'ARPC_COMMAND_MODE')) {
        throw 'What should be reached? Give --local-port N, --command-mode or --config FILE'
    }
}

if (-not (Test-Setting $lines 'ARPC_CONFIG') -and -not (Test-Setting $lines 'ARPC_CLIENT_ID')) {
    # Without one arpc takes that of its last run, which may have been another client's.
    $lines = $lines + "ARPC_CLIENT_ID='$([guid]::NewGuid().ToString('N'))'"
}

if ($PSCmdlet.ShouldProcess($task, "install the client, with settings in $settings_file")) {
    # A program that runs cannot be replaced on Windows.
    Close-Client | Out-Null
    $command = @(Install-Program)
    [System.IO.File]::WriteAllLines($settings_file, [string[]] $lines, $utf8)
    [System.IO.File]::WriteAllText($runner, (Get-RunnerText -Command $command), $utf8)

    $user = [System.Security.Principal.WindowsIdentity]::GetCurrent().Name
    $action = New-ScheduledTaskAction -Execute 'powershell.exe' -Argument (
        "-NoProfile -NonInteractive -ExecutionPolicy Bypass -WindowStyle Hidden -File `"$runner`"")
    $trigger = New-ScheduledTaskTrigger -AtLogOn -User $user
    $principal = New-ScheduledTaskPrincipal -UserId $user -LogonType Interactive -RunLevel Limited
    $settings = New-ScheduledTaskSettingsSet -ExecutionTimeLimit ([TimeSpan]::Zero) `
        -RestartCount 999 -RestartInterval (New-TimeSpan -Minutes 1) -MultipleInstances IgnoreNew `
        -AllowStartIfOnBatteries -DontStopIfGoingOnBatteries -StartWhenAvailable
    Register-ScheduledTask -TaskName $task -Action $action -Trigger $trigger -Principal $principal `
        -Settings $settings -Description 'ARP client (reverse tunnel)' -Force | Out-Null
    Start-ScheduledTask -TaskName $task
    Write-Output "$task runs, now and after each logon"
    Write-Output "  settings  $settings_file"
    Write-Output "  restart   Stop-ScheduledTask $task; Start-ScheduledTask $task"
    Write-Output "  log       Get-Content -Wait '$log'"
}
