#!/bin/sh
# Installs arpc, the ARP client, as a service of the user who runs this: a systemd user unit on
# Linux, a launchd agent on macOS. `--help` tells everything.
set -eu

SELF=$(basename -- "$0")
SOURCE=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# As common/cli/launch.ts has them; a test compares.
V8_FLAGS='--v8-flags=--max-semi-space-size=2,--initial-old-space-size=16'

usage() {
  cat <<EOF
Usage: $SELF [options] [options of arpc]

Installs arpc as a service of yours, without root. Run it again at any time: with the same options
it changes nothing, with others it rewrites what differs and restarts the service.

Options of arpc, for example
  --server-addr HOST   the ARP server
  --local-port N       the local service to expose
  --client-id ID       what visitors name it by           (default: a random one that stays)
  --alias ID           another name for it (repeatable)
  --command-mode       serve the API for AI coding CLIs instead of a local service
  Any option of arpc goes. All of them are kept in a settings file that only you can read, and
  never on a command line, because a client id opens the tunnel and a key opens more.
  What you edit in that file is kept; only the options given here are written over it.

Options of the installation
  --name NAME          install another client beside the first; it is called arpc-NAME
  --binary FILE        use this compiled arpc (see: deno task compile)
  --deno FILE          without --binary: the sources of this checkout, run by this deno
                       (default: the one in PATH)
  --uninstall          stop the service and remove it; the settings stay
  --purge              with --uninstall: remove the settings as well
  --dry-run            only say what would be done
  --root DIR           write below DIR and start nothing
  --manager KIND       systemd or launchd                 (default: what this system has)
  --help               this text

Examples
  $SELF --server-addr tunnel.example.com --local-port 3000 --client-id my-app
  $SELF --name db --server-addr tunnel.example.com --local-port 5432 --client-id my-db
  $SELF --name db --uninstall
EOF
}

say() { printf '%s\n' "$*"; }
die() {
  printf '%s: %s\n' "$SELF" "$*" >&2
  exit 1
}
misused() {
  printf '%s: %s\n' "$SELF" "$*" >&2
  printf 'Try: %s --help\n' "$SELF" >&2
  exit 2
}

umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
changed=no

# ---------------------------------------------------------------------------- command line

name='' binary='' deno='' root='' manager='' action=install purge=no dry=no
: >"$work/given"

check_port() { # option without dashes, value
  case $2 in
    '' | *[!0-9]* | 0* | ??????*) misused "--$1: a port is a number from 1 to 65535, not '$2'" ;;
  esac
  [ "$2" -le 65535 ] || misused "--$1: a port is a number from 1 to 65535, not '$2'"
}

# Keeps an option of arpc as a line of the settings file. A repeated one adds to a list.
give() { # option without dashes, value
  case $1 in '' | *[!a-z0-9-]*) misused "unknown option: --$1" ;; esac
  case $2 in
    *\'* | *\\* | *'
'*) misused "--$1: quotes, backslashes and line ends cannot be stored" ;;
  esac
  case $1 in
    # 0 is any that the server has to give.
    remote-port) [ "$2" = 0 ] || check_port "$1" "$2" ;;
    *-port) check_port "$1" "$2" ;;
  esac
  variable=ARPC_$(printf '%s' "$1" | tr 'a-z-' 'A-Z_')
  earlier=$(sed -n "s/^$variable=//p" "$work/given")
  if [ -n "$earlier" ]; then
    sed "/^$variable=/d" "$work/given" >"$work/given.new"
    mv "$work/given.new" "$work/given"
  fi
  printf '%s=%s\n' "$variable" "${earlier:+$earlier,}$2" >>"$work/given"
}

while [ $# -gt 0 ]; do
  case $1 in
    --*=*)
      option=${1%%=*} value=${1#*=}
      shift
      set -- "$option" "$value" "$@"
      ;;
  esac
  case $1 in
    --name | --binary | --deno | --root | --manager)
      if [ $# -lt 2 ] || [ -z "$2" ]; then misused "$1 needs a value"; fi
      case $1 in
        --name) name=$2 ;;
        --binary) binary=$2 ;;
        --deno) deno=$2 ;;
        --root) root=$2 ;;
        --manager) manager=$2 ;;
      esac
      shift 2
      ;;
    --uninstall) action=uninstall && shift ;;
    --purge) purge=yes && shift ;;
    --dry-run) dry=yes && shift ;;
    -h | --help)
      usage
      exit 0
      ;;
    --) shift ;;
    --no-*)
      give "${1#--no-}" false
      shift
      ;;
    --*)
      # Without a value after it, it is a switch.
      case ${2---} in
        --*)
          give "${1#--}" true
          shift
          ;;
        *)
          give "${1#--}" "$2"
          shift 2
          ;;
      esac
      ;;
    *) misused "unknown argument: $1" ;;
  esac
done

# ---------------------------------------------------------------------------- checks

case $name in
  *[!A-Za-z0-9_-]*) misused "--name: letters, digits, - and _ are allowed, not '$name'" ;;
esac
if [ "$purge" = yes ] && [ "$action" = install ]; then misused "--purge goes with --uninstall"; fi
if [ -n "$binary" ] && [ -n "$deno" ]; then
  misused "--binary and --deno exclude each other: a compiled arpc needs no deno"
fi
if [ -z "$manager" ]; then
  case $(uname -s) in
    Darwin) manager=launchd ;;
    *) manager=systemd ;;
  esac
fi
case $manager in systemd | launchd) ;; *) misused "--manager: systemd or launchd, not '$manager'" ;; esac

if [ -n "$root" ]; then
  [ -d "$root" ] || misused "--root: no folder '$root'"
  root=$(CDPATH='' cd -- "$root" && pwd)
  [ "$root" != / ] || misused "--root: / is the system itself; leave the option out"
elif [ -n "${SUDO_USER:-}" ]; then
  die "run it without sudo: arpc becomes a service of the user who runs this, not of root"
elif [ "$manager" = systemd ]; then
  command -v systemctl >/dev/null ||
    die "systemd does not run here; start arpc yourself (deno task client)"
  [ "$dry" = yes ] || systemctl --user show-environment >/dev/null 2>&1 ||
    die "your user's systemd cannot be reached: log in directly (not with su), or ask for
'loginctl enable-linger $(id -un)' and log in again"
else
  command -v launchctl >/dev/null || die "launchd does not run here; try --manager systemd"
fi

[ -n "${HOME:-}" ] || die "HOME is not set"
unit=arpc${name:+-$name}
label=agentx.$unit
program=${XDG_DATA_HOME:-$HOME/.local/share}/arp/arpc
settings_folder=${XDG_CONFIG_HOME:-$HOME/.config}/arp
if [ "$manager" = systemd ]; then
  definition=${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/$unit.service
else
  definition=$HOME/Library/LaunchAgents/$label.plist
  logs=$HOME/Library/Logs/$unit.log
fi
settings_place=$settings_folder/$unit.env
case $program$settings_folder in
  *[!A-Za-z0-9/._+@\ -]*) die "cannot install below this home folder: $HOME" ;;
  *\ *) [ "$manager" = launchd ] || die "systemd cannot start what has a space in its path: $HOME" ;;
esac

# ---------------------------------------------------------------------------- small tools

# Puts a finished file in its place, if it is not there already. The rename makes it whole at
# every moment, and works for a program that is running.
put() { # finished file, place, mode
  place=$root$2
  if [ -f "$place" ] && cmp -s "$1" "$place" && [ -n "$(find "$place" -perm "$3")" ]; then
    return 0
  fi
  changed=yes
  if [ "$dry" = yes ]; then
    say "would write $2"
    return 0
  fi
  mkdir -p "$(dirname "$place")"
  (umask 077 && cp "$1" "$place.new")
  chmod "$3" "$place.new"
  mv -f "$place.new" "$place"
  say "wrote $2"
}

drop() { # path, relative to the root
  [ -e "$root$1" ] || return 0
  changed=yes
  if [ "$dry" = yes ]; then
    say "would remove $1"
  else
    rm -rf "$root${1:?}"
    say "removed $1"
  fi
}

# Removes a folder and those around it, as far as they are empty. In a real home only our own go.
prune() { # folder, relative to the root
  folder=$1
  while [ "$folder" != / ]; do
    rmdir "$root$folder" 2>/dev/null || [ ! -d "$root$folder" ] || return 0
    [ -n "$root" ] || return 0
    folder=$(dirname "$folder")
  done
}

system() {
  if [ -n "$root" ]; then
    return 0
  elif [ "$dry" = yes ]; then
    say "would run: $*"
  else
    "$@"
  fi
}

# ---------------------------------------------------------------------------- settings

settings=$work/arpc.env

get_setting() { # name
  sed -n "s/^[[:space:]]*$1=//p" "$settings" | tail -n 1 | tr -d "\"'"
}

prepare_settings() {
  if [ -f "$root$settings_place" ]; then
    cat "$root$settings_place" >"$settings"
  else
    cat >"$settings" <<EOF
# Settings of $unit, an ARP client. Each option of \`arpc --help\` can stand here: ARPC_ and its name
# in capitals, with _ for -, true for a switch, and the value in single quotes. Only you can read
# this file, so keys and tokens may stand here as well. Then restart $unit.
EOF
  fi
  while IFS= read -r line; do
    variable=${line%%=*}
    # Without sed's replacement text, in which & and | have a meaning.
    grep -v "^[[:space:]]*$variable=" "$settings" >"$settings.new" || true
    printf "%s='%s'\n" "$variable" "${line#*=}" >>"$settings.new"
    if [ "$(get_setting "$variable")" != "${line#*=}" ]; then mv "$settings.new" "$settings"; fi
  done <"$work/given"
  rm -f "$settings.new"

  if [ -z "$(get_setting ARPC_CONFIG)" ]; then
    [ -n "$(get_setting ARPC_SERVER_ADDR)" ] ||
      misused "which server? Give --server-addr HOST (or --config FILE)"
    if [ -z "$(get_setting ARPC_LOCAL_PORT)" ] && ! in_command_mode; then
      misused "what should be reached? Give --local-port N, --command-mode or --config FILE"
    fi
  fi
  if [ -z "$(get_setting ARPC_CONFIG)$(get_setting ARPC_CLIENT_ID)" ]; then
    # Without one arpc takes that of its last run, which may have been another client's.
    printf "ARPC_CLIENT_ID='%s'\n" "$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')" >>"$settings"
  fi
  if in_command_mode && ! grep -q '^PATH=' "$settings"; then
    # A service starts with the system's PATH, in which the CLIs of a user are not.
    printf "PATH='%s'\n" "$PATH" >>"$settings"
  fi
}

in_command_mode() {
  case $(get_setting ARPC_COMMAND_MODE) in true | 1 | yes | on) ;; *) return 1 ;; esac
}

# ---------------------------------------------------------------------------- program

# Puts in place what the service starts. All clients of a user share it.
install_program() {
  if [ -n "$binary" ]; then
    [ -f "$binary" ] || misused "--binary: no file '$binary'"
    put "$binary" "$program/arpc" 755
  else
    find_deno
    install_sources
  fi
}

find_deno() {
  if [ -z "$deno" ]; then deno=$(command -v deno || true); fi
  if [ -z "$deno" ] && [ -x "$HOME/.deno/bin/deno" ]; then deno=$HOME/.deno/bin/deno; fi
  if [ -z "$deno" ] || [ ! -x "$deno" ]; then
    die "no deno found: name it with --deno FILE, or install a compiled arpc with --binary FILE"
  fi
  case $("$deno" --version 2>/dev/null | head -n 1) in
    'deno '[2-9].*) ;;
    *) die "$deno is no deno of version 2 or later" ;;
  esac
  # The service starts in another folder, where a relative path would lead nowhere.
  deno=$(CDPATH='' cd -- "$(dirname -- "$deno")" && pwd)/$(basename -- "$deno")
}

install_sources() {
  [ -f "$SOURCE/client/main.ts" ] ||
    die "no client/main.ts beside this script: run it from a checkout, or give --binary FILE"
  app=$work/app
  mkdir -p "$app/server"
  cp "$SOURCE/deno.json" "$app/"
  # The lock file is read and never written: the copy has to stay what the checkout has.
  lock=--no-lock
  if [ -f "$SOURCE/deno.lock" ]; then
    cp "$SOURCE/deno.lock" "$app/"
    lock=--frozen
  fi
  # A member of the workspace has to have its deno.json, even if nothing of it is used.
  cp "$SOURCE/server/deno.json" "$app/server/"
  for part in common client; do
    (cd "$SOURCE" && find "$part" -type f ! -name '*_test.ts' ! -path '*/testdata/*') |
      while IFS= read -r file; do
        mkdir -p "$app/$(dirname "$file")"
        cp "$SOURCE/$file" "$app/$file"
      done
  done

  stamp=$root$program/deno_dir/complete
  if ! diff -r "$app" "$root$program/app" >/dev/null 2>&1; then
    changed=yes
    if [ "$dry" = yes ]; then
      say "would copy the sources to $program/app"
    else
      rm -rf "$root$program/app.new" "$stamp"
      mkdir -p "$root$program"
      cp -R "$app" "$root$program/app.new"
      rm -rf "$root$program/app"
      mv "$root$program/app.new" "$root$program/app"
      say "copied the sources to $program/app"
    fi
  fi
  if [ ! -f "$stamp" ]; then
    changed=yes
    if [ "$dry" = yes ]; then
      say "would fetch the dependencies into $program/deno_dir"
    else
      (cd "$root$program/app" &&
        DENO_DIR=$root$program/deno_dir "$deno" cache --quiet "$lock" client/main.ts client/launch.ts) ||
        die "could not fetch the dependencies; nothing was restarted, run this again"
      : >"$stamp"
      say "fetched the dependencies into $program/deno_dir"
    fi
  fi
}

# What a service starts where it cannot start arpc itself.
write_runner() {
  if [ -n "$binary" ]; then
    start="  exec '$program/arpc'"
  else
    run="'$deno' run --quiet --no-prompt --cached-only $lock"
    start="  export DENO_DIR='$program/deno_dir' DENO_NO_UPDATE_CHECK=1
  # The smallest set for the settings as they are now; one flag a line.
  permissions=\$(
    $run --allow-env --allow-read \\
      '$program/app/client/launch.ts' --print-permissions
  ) || exit \$?
  set -f
  IFS='
'
  exec $run $V8_FLAGS \$permissions \\
    '$program/app/client/main.ts'"
  fi
  cat >"$work/run.sh" <<EOF
#!/bin/sh
# Written by install_client.sh, which overwrites it. Without an argument it becomes arpc, with the
# settings in the environment.
start() {
$start
}
if [ \$# -eq 0 ]; then start; fi

# With one it does what launchd cannot: it reads that file of settings, and tells the statuses after
# which nothing must be started again.
set -a
. "\$1" || exit 0
set +a
# The shell gets the signal that ends the job; arpc is what has to finish its work.
client='' stopping=''
stop() {
  stopping=yes
  if [ -n "\$client" ]; then kill -TERM "\$client" 2>/dev/null; fi
}
trap stop TERM INT HUP
start &
client=\$!
if [ -n "\$stopping" ]; then stop; fi
while :; do
  wait "\$client" && status=0 || status=\$?
  kill -0 "\$client" 2>/dev/null || break
done
# 2: bad settings, 3: another client took over this id. After 0 launchd leaves the job alone.
case \$status in 2 | 3) status=0 ;; esac
exit "\$status"
EOF
  put "$work/run.sh" "$program/run.sh" 755
}

# ---------------------------------------------------------------------------- systemd

write_unit() {
  if [ -n "$binary" ]; then start=$program/arpc; else start="/bin/sh $program/run.sh"; fi
  grace=$(get_setting ARPC_GRACE)
  case $grace in *[!0-9]* | '') grace=30 ;; esac
  if in_command_mode; then
    hardening="# No sandbox: it would bind the CLIs that command mode starts, which work as you do."
  else
    hardening="NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
UMask=0077"
  fi
  cat >"$work/unit" <<EOF
# Written by install_client.sh, which overwrites it. Own changes: systemctl --user edit $unit
[Unit]
Description=ARP client (reverse tunnel)${name:+: $name}
# The server is tried for as long as it takes.
StartLimitIntervalSec=0

[Service]
Type=exec
SyslogIdentifier=$unit
EnvironmentFile=$settings_place
ExecStart=$start
Restart=always
RestartSec=5
# 2: bad settings, 3: another client took over this id. Starting again would mend neither.
RestartPreventExitStatus=2 3
# SIGTERM makes arpc finish what runs, for up to ARPC_GRACE seconds; this leaves it the time.
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=$((grace + 10))
$hardening

[Install]
WantedBy=default.target
EOF
}

start_unit() {
  system systemctl --user daemon-reload
  system systemctl --user enable --quiet "$unit.service"
  system systemctl --user restart "$unit.service" || not_up
  if [ -n "$root" ] || [ "$dry" = yes ]; then return 0; fi
  restarts=$(systemctl --user show --property=NRestarts --value "$unit.service")
  for _ in 1 2 3; do
    sleep 1
    if ! systemctl --user is-active --quiet "$unit.service" ||
      [ "$(systemctl --user show --property=NRestarts --value "$unit.service")" != "$restarts" ]; then
      not_up
    fi
  done
  if [ "$(loginctl show-user "$(id -un)" --property=Linger --value 2>/dev/null)" != yes ]; then
    say "It runs while you are logged in. To start it with the system:"
    say "  sudo loginctl enable-linger $(id -un)"
  fi
}

not_up() {
  journalctl --user --unit="$unit.service" --since=-10s --lines=10 --no-pager --output=cat >&2 || true
  die "$unit does not stay up; the lines above should say why (more: journalctl --user -u $unit)"
}

# ---------------------------------------------------------------------------- launchd

xml() { printf '%s' "$1" | sed -e 's/&/\&amp;/g' -e 's/</\&lt;/g' -e 's/>/\&gt;/g'; }

write_agent() {
  grace=$(get_setting ARPC_GRACE)
  case $grace in *[!0-9]* | '') grace=30 ;; esac
  cat >"$work/agent" <<EOF
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- Written by install_client.sh, which overwrites it. -->
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>$label</string>
  <key>ProgramArguments</key>
  <array>
    <string>/bin/sh</string>
    <string>$(xml "$program/run.sh")</string>
    <string>$(xml "$settings_place")</string>
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ThrottleInterval</key>
  <integer>5</integer>
  <key>ExitTimeOut</key>
  <integer>$((grace + 10))</integer>
  <key>ProcessType</key>
  <string>Adaptive</string>
  <key>StandardOutPath</key>
  <string>$(xml "$logs")</string>
  <key>StandardErrorPath</key>
  <string>$(xml "$logs")</string>
</dict>
</plist>
EOF
}

start_agent() {
  domain=gui/$(id -u)
  [ -n "$root" ] || [ "$dry" = yes ] || launchctl bootout "$domain/$label" 2>/dev/null || true
  system launchctl bootstrap "$domain" "$definition" ||
    die "launchd did not take the agent; log in to the desktop once, then run this again"
}

# ---------------------------------------------------------------------------- what it does

do_install() {
  prepare_settings
  install_program
  put "$settings" "$settings_place" 600
  if [ "$manager" = systemd ]; then
    if [ -z "$binary" ]; then write_runner; fi
    write_unit
    put "$work/unit" "$definition" 644
  else
    write_runner
    write_agent
    put "$work/agent" "$definition" 644
  fi
  if [ "$changed" = no ] && is_running; then
    say "$unit is installed just like this already: nothing changed"
    return 0
  fi
  case $manager in
    systemd) start_unit ;;
    launchd) start_agent ;;
  esac
  if [ "$dry" = yes ]; then
    say "nothing was changed (--dry-run)"
  elif [ -n "$root" ]; then
    say "staged below $root"
  else
    say "$unit runs"
    say "  settings  $settings_place"
    if [ "$manager" = systemd ]; then
      say "  restart   systemctl --user restart $unit"
      say "  logs      journalctl --user -u $unit -f"
    else
      say "  restart   launchctl kickstart -k gui/$(id -u)/$label"
      say "  logs      tail -f $logs"
    fi
  fi
}

do_uninstall() {
  if [ -f "$root$definition" ]; then
    if [ "$manager" = systemd ]; then
      system systemctl --user disable --quiet --now "$unit.service"
      drop "$definition"
      system systemctl --user daemon-reload
    else
      system launchctl bootout "gui/$(id -u)/$label" || true
      drop "$definition"
    fi
  fi
  if others_installed; then
    say "kept $program, which other clients use"
  else
    drop "$program"
  fi
  if [ "$purge" = yes ]; then
    drop "$settings_place"
  elif [ -f "$root$settings_place" ]; then
    say "kept $settings_place (--purge removes it)"
  fi
  if [ "$dry" = no ]; then
    prune "$(dirname "$program")"
    prune "$settings_folder"
    if [ -n "$root" ]; then prune "$(dirname "$definition")"; fi
  fi
  if [ "$changed" = no ]; then
    say "$unit is not installed: nothing changed"
  elif [ "$dry" = yes ]; then
    say "nothing was changed (--dry-run)"
  fi
}

is_running() {
  if [ -n "$root" ]; then
    return 0
  elif [ "$manager" = systemd ]; then
    systemctl --user is-active --quiet "$unit.service"
  else
    launchctl print "gui/$(id -u)/$label" >/dev/null 2>&1
  fi
}

others_installed() {
  for other in "$root$(dirname "$definition")"/*arpc*; do
    if [ -f "$other" ] && [ "$other" != "$root$definition" ]; then return 0; fi
  done
  return 1
}

"do_$action"
