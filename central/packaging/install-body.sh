
# From here on the same for every central host.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=${DESTDIR:-}$directory
units=${DESTDIR:-}/etc/systemd/system
users=${DESTDIR:-}/etc/sysusers.d
record=$root/.installed
mark=$root/.unfinished
temporary=$root/.sitepass-new.$$
written=''        # what was done, for the report
changed=' '       # units whose files have changed
running=''        # all units, in the order in which they are started
reloading=' '     # of these, those that take changed files in while they run
commands=''       # sed script that names the programs as they are called on this machine
missing=''        # programs that are not here
units_changed=no
unfinished=no

touched() { # unit
  case $changed in *" $1 "*) ;; *) changed="$changed$1 " ;; esac
}

program() { # unit, how it takes changed files in, names
  running="$running$1 "
  [ "$2" = restart ] || reloading="$reloading$1 "
  unit=$1
  wanted=$3
  shift 2
  for name; do
    if command -v "$name" >/dev/null; then
      [ "$name" = "$wanted" ] || commands="$commands${newline}s#^ExecStart=$wanted\\(\\( .*\\)\\{0,1\\}\\)\$#ExecStart=$name\\1#"
      return 0
    fi
  done
  missing="$missing  $wanted, for $unit$newline"
}

# Sets target: where a file is installed to.
set_target() { # path
  case $1 in
    systemd/*) target=$units/${1#systemd/} ;;
    sysusers/*) target=$users/${1#sysusers/} ;;
    *) target=$root/$1 ;;
  esac
}

# Root owns all folders but the gate's, in which the timers replace the map and the keys.
make_folder() { # path
  [ ! -L "$1" ] || die "$1 is a link. Look what it leads to, move it away, and run this again."
  [ -d "$1" ] || { make_folder "${1%/*}" && mkdir -m 755 -- "$1"; }
}

# In one step; a link is replaced, not followed.
put_in_place() { # mode, owner, path
  chmod "$1" -- "$temporary"
  chown "$2" -- "$temporary"
  sync -- "$temporary" 2>/dev/null || sync
  mv -f -T -- "$temporary" "$3"
}

put() { # path
  set_target "$1"
  make_folder "${target%/*}"
  case $1 in
    systemd/*.service) sed "$commands" <"$here/$1" >"$temporary" ;;
    *) cat <"$here/$1" >"$temporary" ;;
  esac
  if [ -f "$target" ] && [ ! -L "$target" ] && cmp -s -- "$temporary" "$target"; then
    rm -f -- "$temporary"
    return 0
  fi
  changing
  put_in_place 644 "$(owner_of "$1")" "$target"
  report "wrote $target"
  case $1 in
    systemd/*.service)
      units_changed=yes
      touched "${1#systemd/}"
      ;;
    systemd/*) units_changed=yes ;;
    sysusers/*) ;;
    *) touched "sitepass-${1%%/*}.service" ;;
  esac
}

owner_of() { # path
  case $1 in
    gate/*) [ -n "${DESTDIR:-}" ] && echo 0:0 || echo "$gate_user:" ;;
    *) echo 0:0 ;;
  esac
}

# systemd reads secrets as root, and hands each to the units that are to have it.
put_secrets() {
  make_folder "$root"
  [ -d "$root/credentials" ] || mkdir -m 700 -- "$root/credentials"
  chown 0:0 -- "$root/credentials"
  chmod 700 -- "$root/credentials"
  for name in $secrets; do
    [ -f "$here/credentials/$name" ] || continue
    if [ ! -f "$root/credentials/$name" ] || ! cmp -s -- "$here/credentials/$name" "$root/credentials/$name"; then
      changing
      (umask 077 && cat <"$here/credentials/$name" >"$temporary")
      put_in_place 600 0:0 "$root/credentials/$name"
      report "replaced $root/credentials/$name"
      for unit in $(grep -l -- "^LoadCredential=$name:" "$here"/systemd/*.service || :); do
        touched "${unit##*/}"
      done
    fi
  done
}

# Keys that a timer has fetched since are never replaced by older ones.
put_keys() {
  [ "$needs_keys" = yes ] || return 0
  make_folder "$root/gate/keys"
  for path in "$here"/gate/keys/*; do
    [ -f "$path" ] || continue
    target=$root/gate/keys/${path##*/}
    if [ ! -e "$target" ]; then
      changing
      cat <"$path" >"$temporary"
      put_in_place 644 "$(owner_of gate/keys)" "$target"
      report "wrote $target"
    fi
  done
}

put_owned_folders() {
  make_folder "$state/textfiles"
  # The timers' user finds its home there, in which Pulumi keeps what it fetched.
  make_folder "$state/home"
  [ -n "${DESTDIR:-}" ] && return 0
  chown "$gate_user:" -- "$state/textfiles" "$state/home"
  if [ "$needs_keys" = yes ]; then
    chown "$gate_user:" -- "$root/gate" "$root/gate/keys"
  fi
}

# What earlier runs made: the first line names the stack, each other one a file.
put_record() { # paths
  { echo "stack $stack"; printf '%s\n' "$@" | sort -u | grep . || :; } >"$temporary"
  put_in_place 644 0:0 "$record"
}

remove_file() { # path
  set_target "$1"
  [ -e "$target" ] || [ -L "$target" ] || return 0
  changing
  case $1 in
    systemd/*)
      units_changed=yes
      ! speaks_to_systemd || systemctl disable --quiet --now -- "${1#systemd/}" 2>/dev/null || :
      ;;
    *) touched "sitepass-${1%%/*}.service" ;;
  esac
  rm -f -- "$target"
  report "removed $target"
}

next_steps() {
  to_reload=''
  to_restart=''
  # In the order in which they are started.
  for unit in $running; do
    case $changed in
      *" $unit "*)
        case "$reloading$units_changed" in
          *" $unit "*no) to_reload="$to_reload $unit" ;;
          *) to_restart="$to_restart $unit" ;;
        esac
        ;;
    esac
  done
  for unit in prometheus prometheus-alertmanager prometheus-node-exporter alertmanager loki grafana-server alloy haproxy vmagent cloudflared; do
    if systemctl is-active --quiet -- "$unit" 2>/dev/null; then
      echo "$unit runs on this machine too, and may hold a port that is needed. If it is not used for anything else:"
      echo "  sudo systemctl disable --now $unit"
    fi
  done
  if [ -n "$to_reload$to_restart" ]; then
    echo "Next:"
    [ -z "$to_reload" ] || echo "  sudo systemctl reload-or-restart$to_reload"
    [ -z "$to_restart" ] || echo "  sudo systemctl enable$to_restart && sudo systemctl restart$to_restart"
    [ -z "$timers" ] || echo "  sudo systemctl enable --now $timers"
  fi
}

for needed in chown cmp grep id mv sed sort sync; do
  command -v "$needed" >/dev/null || die "needs the program $needed. Install it, and run this again."
done
[ "$(id -u)" -eq 0 ] || die "needs to be root, to give files to their users. Run: sudo sh install.sh"
[ $# -eq 0 ] || die "takes no argument. Run: sudo sh install.sh"
programs
if [ -n "$missing" ] && [ -z "${DESTDIR:-}" ]; then
  printf 'install.sh: these programs are not on PATH:\n%sInstall them, as README.md says, and run this again. Nothing was changed.\n' "$missing" >&2
  exit 1
fi
for path in $files; do
  [ -f "$here/$path" ] || die "$here/$path is missing. Copy the whole folder again. Nothing was changed."
done
[ "$here" != "$(cd -- "$root" 2>/dev/null && pwd -P)" ] ||
  die "lies in $root itself, where it is to install to. Move this folder to another place first. Nothing was changed."
before=''
if [ -f "$record" ]; then
  [ "$(sed 1q -- "$record")" = "stack $stack" ] ||
    die "$root holds the central host of $(sed 1q -- "$record"), and these are the files of stack $stack. Remove $record if that one is gone. Nothing was changed."
  before=$(sed 1d -- "$record")
fi
check_record

state=${DESTDIR:-}$state
make_folder "$root"
make_folder "$units"
take_turn
if [ -e "$mark" ]; then
  unfinished=yes
  units_changed=yes
  changed=" $running"
fi
rm -f -- "$root"/.sitepass-new.*

# The record names a file before it is made and until it is gone.
# shellcheck disable=SC2086 # Lists of paths without spaces.
put_record $before $files
put sysusers/sitepass-central.conf
if [ -z "${DESTDIR:-}" ]; then
  systemd-sysusers "$users/sitepass-central.conf"
fi
put_secrets
for path in $files; do
  put "$path"
done
put_keys
put_owned_folders
for path in $before; do
  has_line "$files" "$path" || remove_file "$path"
done
# shellcheck disable=SC2086
put_record $files
tell_systemd
if [ -n "$written" ]; then
  echo "The central host of $stack:"
  printf '%s' "$written"
else
  echo "The central host of $stack: all was in place already."
fi
! speaks_to_systemd || next_steps
rm -f -- "$mark"
