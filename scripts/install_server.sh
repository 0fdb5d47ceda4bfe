#!/bin/sh
# Installs arps, the ARP server, as a hardened systemd service. `--help` tells everything.
#
# POSIX sh, so that it runs wherever systemd does. What is written below --root is exactly what
# would be written to /, which is what lets packagers and the tests use it without being root.
set -eu

SELF=$(basename -- "$0")
SOURCE=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
UNIT=/etc/systemd/system/arps.service
SETTINGS=/etc/arp/arps.toml
# Where settings were before, as variables: what still stands there wins over the file above.
VARIABLES=/etc/arp/arps.env
LOGS=/var/log/arps
ACCOUNT=arps
# As common/cli/launch.ts has them; a test compares.
V8_FLAGS='--v8-flags=--max-semi-space-size=2,--initial-old-space-size=16'

usage() {
  cat <<EOF
Usage: sudo $SELF [options]

Installs arps as the systemd service "arps": an unprivileged user, a sandboxed unit, settings in
$SETTINGS. Run it again at any time: with the same options it changes nothing, with
other options (or a newer program) it rewrites what differs and restarts the service.

What arps listens on
  --control-port N   where clients register                    (default 17001)
  --proxy-port N     where clients bring their tunnels         (default 17002)
  --public-port N    where visitors come in                    (default 17003)
  --pool-size N      warm tunnels kept for each client         (default 1)
  --bind ADDRESS     listen on this address only
  --domain NAME      also find the client in the host name: ID.NAME
  Every other option of arps goes into $SETTINGS, under its name without the dashes.
  What you edit there is kept; only the options given here are written over it.
  arps may read what lies in /etc/arp: certificates, secrets in files (mode 640, group arps).

What is installed
  --binary FILE      this compiled arps (see: deno task compile)
  --deno FILE        without --binary: the sources of this checkout, run by this deno
                     (default: the one in PATH). One outside /usr, /opt and /nix is copied.
  --prefix DIR       the program goes to DIR/lib/arps          (default /opt/arp)

What else
  --uninstall        stop the service and remove unit and program; settings and logs stay
  --purge            with --uninstall: remove settings, logs and the user as well
  --dry-run          only say what would be done
  --root DIR         write below DIR and start nothing: for packages and images, needs no root
  --help             this text

Examples
  sudo $SELF                                        # ports 17001, 17002 and 17003
  sudo $SELF --public-port 80 --domain tunnel.example.com
  sudo $SELF --binary dist/arps-x86_64-unknown-linux-gnu
  sudo $SELF --uninstall --purge
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

# ---------------------------------------------------------------------------- command line

control_port='' proxy_port='' public_port='' pool_size='' bind='' domain=''
prefix='' binary='' deno='' root='' action=install purge=no dry=no

while [ $# -gt 0 ]; do
  case $1 in
    --*=*)
      option=${1%%=*} value=${1#*=}
      shift
      set -- "$option" "$value" "$@"
      ;;
  esac
  case $1 in
    --control-port | --proxy-port | --public-port | --pool-size | --bind | --domain | \
      --prefix | --binary | --deno | --root)
      if [ $# -lt 2 ] || [ -z "$2" ]; then misused "$1 needs a value"; fi
      case $1 in
        --control-port) control_port=$2 ;;
        --proxy-port) proxy_port=$2 ;;
        --public-port) public_port=$2 ;;
        --pool-size) pool_size=$2 ;;
        --bind) bind=$2 ;;
        --domain) domain=$2 ;;
        --prefix) prefix=$2 ;;
        --binary) binary=$2 ;;
        --deno) deno=$2 ;;
        --root) root=$2 ;;
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
    *) misused "unknown option: $1" ;;
  esac
done

# ---------------------------------------------------------------------------- checks

is_number() {
  case $1 in
    '' | *[!0-9]* | 0?* | ???????*) return 1 ;;
  esac
}

check_port() { # where it was given, value
  if ! is_number "$2" || [ "$2" -lt 1 ] || [ "$2" -gt 65535 ]; then
    misused "$1: a port is a number from 1 to 65535, not '$2'"
  fi
}

check_path() { # option, value: it ends up in a unit, and in front of what --uninstall removes
  case $2 in
    / | *[!A-Za-z0-9/._+-]* | */../* | */..) misused "$1: cannot use the folder '$2'" ;;
    /*) ;;
    *) misused "$1: '$2' is not an absolute path" ;;
  esac
}

if [ -n "$control_port" ]; then check_port --control-port "$control_port"; fi
if [ -n "$proxy_port" ]; then check_port --proxy-port "$proxy_port"; fi
if [ -n "$public_port" ]; then check_port --public-port "$public_port"; fi
if [ -n "$pool_size" ]; then
  is_number "$pool_size" || misused "--pool-size: a number is expected, not '$pool_size'"
fi
case $bind in *[!0-9A-Za-z.:_-]*) misused "--bind: an address is expected, not '$bind'" ;; esac
case $domain in *[!0-9A-Za-z.-]*) misused "--domain: a host name is expected, not '$domain'" ;; esac
if [ -n "$prefix" ]; then check_path --prefix "$prefix"; fi
if [ "$purge" = yes ] && [ "$action" = install ]; then misused "--purge goes with --uninstall"; fi
if [ -n "$binary" ] && [ -n "$deno" ]; then
  misused "--binary and --deno exclude each other: a compiled arps needs no deno"
fi

if [ -n "$root" ]; then
  [ -d "$root" ] || misused "--root: no folder '$root'"
  root=$(CDPATH='' cd -- "$root" && pwd)
  # --root / means the real system, and would otherwise pass for a staging folder.
  [ "$root" != / ] || misused "--root: / is the system itself; leave the option out"
else
  if [ "$dry" = yes ]; then
    [ -d /run/systemd/system ] ||
      say "systemd does not run here: this is what would be done where it does"
  else
    [ "$(uname -s)" = Linux ] ||
      die "systemd services exist on Linux only; elsewhere run: deno task server"
    [ -d /run/systemd/system ] ||
      die "systemd does not run here; start arps yourself (deno task server), or stage files with --root"
  fi
  [ "$dry" = yes ] || [ "$(id -u)" -eq 0 ] ||
    die "only root can install a service: run it with sudo, or look first with --dry-run"
fi

umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
changed=no

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
    case $3 in 755) ;; *) show_difference "$place" "$1" ;; esac
    return 0
  fi
  mkdir -p "$(dirname "$place")"
  (umask 077 && cp "$1" "$place.new")
  chmod "$3" "$place.new"
  mv -f "$place.new" "$place"
  say "wrote $2"
}

show_difference() { # old file (or none), new file
  if [ -f "$1" ]; then old=$1; else old=/dev/null; fi
  # No lines around the changed ones: among the settings there may be a secret.
  diff -U 0 "$old" "$2" | sed -e '1,2d' -e '/^@@/d' -e 's/^/    /' || true
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

# Removes a folder and those around it, as far as they are empty. On a real system only our own go.
prune() { # folder, relative to the root
  folder=$1
  while [ "$folder" != / ]; do
    rmdir "$root$folder" 2>/dev/null || [ ! -d "$root$folder" ] || return 0
    [ -n "$root" ] || return 0
    folder=$(dirname "$folder")
  done
}

# Only this system's services and accounts are touched, never those of a staging root.
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

settings=$work/arps.toml
variables=$work/arps.env

variable() { printf 'ARPS_%s' "$1" | tr 'a-z-' 'A-Z_'; }

get_setting() { # key, default: a variable wins over the file, and of several the last, as for systemd
  name=$(variable "$1")
  found=$(sed -n "s/^[[:space:]]*$name=//p" "$variables" | tail -n 1 | tr -d "\"' ")
  if [ -z "$found" ]; then
    found=$(sed -n "s/^[[:space:]]*$1[[:space:]]*=[[:space:]]*//p" "$settings" |
      sed 's/[[:space:]]*#.*//' | tr -d "\"' _")
  fi
  printf '%s' "${found:-$2}"
}

set_setting() { # key, value: in place, else instead of the commented example, else at the end
  name=$(variable "$1")
  if grep -q "^[[:space:]]*$name=" "$variables"; then
    edit "$variables" "^[[:space:]]*$name=.*" "$name=$2"
    return 0
  fi
  case $2 in *[!0-9]*) line="$1 = \"$2\"" ;; *) line="$1 = $2" ;; esac
  if grep -q "^[[:space:]]*$1[[:space:]]*=" "$settings"; then
    edit "$settings" "^[[:space:]]*$1[[:space:]]*=.*" "$line"
  elif grep -q "^#$1 =" "$settings"; then
    edit "$settings" "^#$1 =.*" "$line"
  else
    printf '%s\n' "$line" >>"$settings"
  fi
}

edit() { # file, pattern, text
  sed "s|$2|$3|" "$1" >"$1.new"
  mv "$1.new" "$1"
}

prepare_settings() {
  : >"$variables"
  if [ -f "$root$VARIABLES" ]; then
    cat "$root$VARIABLES" >"$variables" 2>/dev/null || die "cannot read $VARIABLES: run it as root"
  fi
  if [ -f "$root$SETTINGS" ]; then
    cat "$root$SETTINGS" >"$settings" 2>/dev/null || die "cannot read $SETTINGS: run it as root"
  else
    cat >"$settings" <<'EOF'
# Settings of arps, the ARP server. Each option of `arps --help` can stand here, under its name
# without the dashes. Then: systemctl restart arps
#
# After changing a port to one below 1024, or grace, run install_server.sh once more: the unit
# depends on them.
control-port = 17001
proxy-port = 17002
public-port = 17003
pool-size = 1
#bind = "192.0.2.1"
#domain = "tunnel.example.com"

# Files in /etc/arp with mode 640 and group arps: the service can read there, and nobody else can.
# A renewed certificate is noticed; at once by: systemctl reload arps
#tls-cert = "/etc/arp/tls/fullchain.pem"
#tls-key = "/etc/arp/tls/privkey.pem"
#auth-token-file = "/etc/arp/auth-token"

# Dashboard, metrics and /healthz, on this machine only.
#admin-port = 17009

#grace = 30
#log-level = "info"
# The service can write in this folder and nowhere else:
#log-file = "/var/log/arps/arps.log"
EOF
  fi
  if [ -n "$control_port" ]; then set_setting control-port "$control_port"; fi
  if [ -n "$proxy_port" ]; then set_setting proxy-port "$proxy_port"; fi
  if [ -n "$public_port" ]; then set_setting public-port "$public_port"; fi
  if [ -n "$pool_size" ]; then set_setting pool-size "$pool_size"; fi
  if [ -n "$bind" ]; then set_setting bind "$bind"; fi
  if [ -n "$domain" ]; then set_setting domain "$domain"; fi

  # From here on the files count, so that a hand-edited port is treated like one given here.
  control_port=$(get_setting control-port 17001)
  proxy_port=$(get_setting proxy-port 17002)
  public_port=$(get_setting public-port 17003)
  grace=$(get_setting grace 30)
  # It may be a fraction; the unit needs whole seconds, and has some to spare.
  grace=${grace%%.*}
  check_port "control-port in $SETTINGS" "$control_port"
  check_port "proxy-port in $SETTINGS" "$proxy_port"
  check_port "public-port in $SETTINGS" "$public_port"
  is_number "$grace" || misused "grace in $SETTINGS: a number is expected, not '$grace'"
  for pair in "control $control_port proxy $proxy_port" "control $control_port public $public_port" \
    "proxy $proxy_port public $public_port"; do
    # shellcheck disable=SC2086 # four words are wanted
    set -- $pair
    [ "$2" != "$4" ] || misused "the $1 port and the $3 port are both $2: they must differ"
  done
}

# ---------------------------------------------------------------------------- program

# Sets `command`, what the unit starts, and puts that in place.
install_program() {
  if [ -n "$binary" ]; then
    [ -f "$binary" ] || misused "--binary: no file '$binary'"
    put "$binary" "$home/arps" 755
    command=$home/arps
    drop "$home/app"
    drop "$home/deno_dir"
    drop "$home/deno"
  else
    find_deno
    install_sources
    drop "$home/arps"
  fi
}

find_deno() {
  if [ -z "$deno" ]; then
    deno=$(command -v deno || true)
  fi
  if [ -z "$deno" ] && [ -n "${SUDO_USER:-}" ]; then
    # sudo drops the PATH entry that the usual way of installing deno adds for a user.
    deno=$(getent passwd "$SUDO_USER" | cut -d: -f6)/.deno/bin/deno
  fi
  if [ -z "$deno" ] || [ ! -x "$deno" ]; then
    die "no deno found: name it with --deno FILE, or install a compiled arps with --binary FILE"
  fi
  case $("$deno" --version 2>/dev/null | head -n 1) in
    'deno '[2-9].*) ;;
    *) die "$deno is no deno of version 2 or later" ;;
  esac
  service_deno=$deno
  case $(readlink -f "$deno") in
    /usr/* | /opt/* | /nix/*) ;;
    *)
      # The unit cannot see home folders, and no user's own file should decide what it runs.
      put "$(readlink -f "$deno")" "$home/deno" 755
      service_deno=$home/deno
      ;;
  esac
}

install_sources() {
  [ -f "$SOURCE/server/main.ts" ] ||
    die "no server/main.ts beside this script: run it from a checkout, or give --binary FILE"
  app=$work/app
  mkdir -p "$app/client"
  cp "$SOURCE/deno.json" "$app/"
  # The lock file is read and never written: the copy has to stay what the checkout has.
  lock=--no-lock
  if [ -f "$SOURCE/deno.lock" ]; then
    cp "$SOURCE/deno.lock" "$app/"
    lock=--frozen
  fi
  # A member of the workspace has to have its deno.json, even if nothing of it is used.
  cp "$SOURCE/client/deno.json" "$app/client/"
  for part in common server; do
    (cd "$SOURCE" && find "$part" -type f ! -name '*_test.ts' ! -path '*/testdata/*') |
      while IFS= read -r file; do
        mkdir -p "$app/$(dirname "$file")"
        cp "$SOURCE/$file" "$app/$file"
      done
  done
  find "$app" -type f -exec chmod 644 {} +

  stamp=$root$home/deno_dir/complete
  if ! diff -r "$app" "$root$home/app" >/dev/null 2>&1; then
    changed=yes
    if [ "$dry" = yes ]; then
      say "would copy the sources to $home/app"
    else
      rm -rf "$root$home/app.new" "$stamp"
      mkdir -p "$root$home"
      cp -R "$app" "$root$home/app.new"
      rm -rf "$root$home/app"
      mv "$root$home/app.new" "$root$home/app"
      say "copied the sources to $home/app"
    fi
  fi
  if [ ! -f "$stamp" ]; then
    changed=yes
    if [ "$dry" = yes ]; then
      say "would fetch the dependencies into $home/deno_dir"
    else
      # They belong to root and lie outside the service's reach: what it runs, it cannot change.
      (cd "$root$home/app" && DENO_DIR=$root$home/deno_dir "$deno" cache --quiet "$lock" server/main.ts) ||
        die "could not fetch the dependencies; nothing was restarted, run this again"
      chmod -R a+rX "$root$home/deno_dir"
      : >"$stamp"
      say "fetched the dependencies into $home/deno_dir"
    fi
  fi
  # What the program may do at most. It gives up by itself what its settings do not need.
  command="$service_deno run --no-prompt --cached-only $lock $V8_FLAGS"
  command="$command --allow-net --allow-env=ARPS_*,ARP_*,NO_COLOR,OTEL_DENO_CONSOLE"
  command="$command --allow-read=/etc/arp,$LOGS --allow-write=$LOGS $home/app/server/main.ts"
}

remove_program() { # prefix
  drop "$1/lib/arps"
  # A shared prefix is not ours to remove, not even when it is empty.
  case $dry$root$1 in
    yes* | no/usr | no/usr/*) ;;
    *) prune "$1/lib" && prune "$1" ;;
  esac
}

# The prefix of the installed unit, so that it can be removed without being named again.
installed_prefix() {
  if [ -f "$root$UNIT" ]; then
    found=$(sed -n 's/^Prefix=//p' "$root$UNIT")
    case $found in
      / | *[!A-Za-z0-9/._+-]* | */../* | */..) ;;
      /*) printf '%s' "$found" ;;
    esac
  fi
}

# ---------------------------------------------------------------------------- unit

write_unit() {
  capabilities=''
  ambient='# No port is below 1024, so no capability is needed.'
  if [ "$control_port" -lt 1024 ] || [ "$proxy_port" -lt 1024 ] || [ "$public_port" -lt 1024 ]; then
    capabilities=CAP_NET_BIND_SERVICE
    ambient='AmbientCapabilities=CAP_NET_BIND_SERVICE'
  fi
  environment='# A compiled program needs no environment but its settings.'
  if [ -z "$binary" ]; then
    environment="Environment=DENO_DIR=$home/deno_dir DENO_NO_UPDATE_CHECK=1"
  fi
  cat >"$work/arps.service" <<EOF
# Written by install_server.sh, which overwrites it. Own changes: systemctl edit arps
[Unit]
Description=ARP server (reverse tunnel)
Wants=network-online.target
After=network-online.target
# A port that is in use, or an address that is not there yet, is tried for as long as it takes.
StartLimitIntervalSec=0

[Service]
Type=exec
User=$ACCOUNT
Group=$ACCOUNT
SyslogIdentifier=arps
Environment=ARPS_CONFIG=$SETTINGS
EnvironmentFile=-$VARIABLES
# With OTEL_DENO=true in that file the log is exported as well, and not printed twice.
Environment=OTEL_DENO_CONSOLE=replace
$environment
ExecStart=$command
# Reads certificates and the file of --auth-file again; no connection ends.
ExecReload=/bin/kill -HUP \$MAINPID
Restart=always
RestartSec=2
# Status 2 means bad settings: starting again would not mend them.
RestartPreventExitStatus=2
# SIGTERM makes arps finish what runs, for up to \`grace\` seconds; this leaves it the time.
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec=$((grace + 10))
# Two descriptors for each visitor, and one for each waiting tunnel.
LimitNOFILE=524288
LogsDirectory=arps
LogsDirectoryMode=0750
UMask=0027

NoNewPrivileges=yes
CapabilityBoundingSet=$capabilities
$ambient
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateMounts=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# The JavaScript engine writes machine code at run time, which this would forbid.
MemoryDenyWriteExecute=no

[Install]
WantedBy=multi-user.target

[X-ARP]
Prefix=$prefix
EOF
}

# ---------------------------------------------------------------------------- what it does

ensure_account() {
  if [ -z "$root" ] && ! getent passwd "$ACCOUNT" >/dev/null; then
    changed=yes
    shell=$(command -v nologin || echo /usr/sbin/nologin)
    system useradd --system --user-group --no-create-home --home-dir /nonexistent \
      --shell "$shell" --comment 'ARP server' "$ACCOUNT"
    [ "$dry" = yes ] || say "created the user $ACCOUNT"
  fi
}

put_setting() { # finished file, place: for the service to read, and for root to write
  put "$1" "$2" 640
  if [ -z "$root" ] && [ "$dry" = no ]; then chgrp "$ACCOUNT" "$2"; fi
}

do_install() {
  old_prefix=$(installed_prefix)
  prefix=${prefix:-${old_prefix:-/opt/arp}}
  # A folder of our own even below a shared prefix, because everything in it may be removed.
  home=$prefix/lib/arps
  prepare_settings
  install_program
  ensure_account
  put_setting "$settings" "$SETTINGS"
  if [ -f "$root$VARIABLES" ]; then put_setting "$variables" "$VARIABLES"; fi
  write_unit
  put "$work/arps.service" "$UNIT" 644
  if [ -n "$old_prefix" ] && [ "$old_prefix" != "$prefix" ]; then remove_program "$old_prefix"; fi
  start_service
  report
}

start_service() {
  [ -z "$root" ] || return 0
  if [ "$changed" = yes ]; then system systemctl daemon-reload; fi
  systemctl is-enabled --quiet arps.service 2>/dev/null || system systemctl enable --quiet arps.service
  if [ "$changed" = yes ]; then
    system systemctl restart arps.service || not_up
  elif ! systemctl is-active --quiet arps.service; then
    changed=yes
    system systemctl start arps.service || not_up
  fi
  if [ "$changed" = no ] || [ "$dry" = yes ]; then return 0; fi
  # A program that cannot open a port is started all right, and ends a moment later.
  restarts=$(count_restarts)
  for _ in 1 2 3; do
    sleep 1
    if ! systemctl is-active --quiet arps.service || [ "$(count_restarts)" != "$restarts" ]; then
      not_up
    fi
  done
}

count_restarts() { systemctl show --property=NRestarts --value arps.service; }

not_up() {
  journalctl --unit=arps.service --since=-10s --lines=10 --no-pager --output=cat >&2 || true
  die "arps does not stay up; the lines above should say why (more: journalctl -u arps)"
}

report() {
  if [ "$changed" = no ]; then
    say "arps is installed just like this already: nothing changed"
  elif [ "$dry" = yes ]; then
    say "nothing was changed (--dry-run)"
  elif [ -n "$root" ]; then
    say "staged below $root; the package has to create the user $ACCOUNT and enable arps.service"
  else
    say "arps runs: control port $control_port, proxy port $proxy_port, public port $public_port"
    say "  settings  $SETTINGS (then: systemctl restart arps)"
    say "  logs      journalctl -u arps -f"
    say "  a client  arpc --server-addr THIS-HOST --control-port $control_port" \
      "--proxy-port $proxy_port --local-port 3000"
    say "  Let these three TCP ports through the firewall."
  fi
}

do_uninstall() {
  old_prefix=$(installed_prefix)
  prefix=${prefix:-${old_prefix:-/opt/arp}}
  if [ -f "$root$UNIT" ]; then
    system systemctl disable --quiet --now arps.service
    drop "$UNIT"
    system systemctl daemon-reload
    system systemctl reset-failed arps.service 2>/dev/null || true
  fi
  remove_program "$prefix"
  if [ "$purge" = yes ]; then
    drop "$SETTINGS"
    drop "$VARIABLES"
    drop "$LOGS"
    [ "$dry" = yes ] || prune /etc/arp
    if [ -z "$root" ] && getent passwd "$ACCOUNT" >/dev/null; then
      changed=yes
      system userdel "$ACCOUNT"
      [ "$dry" = yes ] || say "removed the user $ACCOUNT"
    fi
  elif [ -f "$root$SETTINGS" ]; then
    say "kept $SETTINGS, the logs and the user $ACCOUNT (--purge removes them)"
  fi
  # A staging folder ends as it began; on a real system this one is not ours.
  if [ -n "$root" ] && [ "$dry" = no ]; then prune "$(dirname "$UNIT")"; fi
  if [ "$changed" = no ]; then
    say "arps is not installed: nothing changed"
  elif [ "$dry" = yes ]; then
    say "nothing was changed (--dry-run)"
  fi
}

"do_$action"
