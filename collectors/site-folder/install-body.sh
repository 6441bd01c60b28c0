
# From here on the same for every site.

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=${DESTDIR:-}$directory
units=${DESTDIR:-}/etc/systemd/system
temporary=.sitepass-new.$$
written=''          # what was done, for the report
restart=' '         # units that run with something else than what is installed now
rereading=' '       # units that take the new secret by themselves
stop=' '            # units whose files have gone
bare=' '            # units of packages that have lost their drop-in
owned=$newline      # folders that belong to root by now
plain=''            # files that are to belong to root
units_changed=no
unfinished=no

# Sets target: where a file is installed to.
set_target() { # path
  case $1 in
    systemd/*) target=$units/${1#systemd/} ;;
    *) target=$root/$1 ;;
  esac
}

# Sets current: what a link leads to; empty when it is none.
set_current() { # link
  current=$(readlink -- "$1") || current=''
}

touched() { # unit
  case $restart in *" $1 "*) ;; *) restart="$restart$1 " ;; esac
}

# Onto the disk, before what relies on it.
flush() {
  sync -- "$@" 2>/dev/null || sync
}

# Renames onto what is there in one step; a link is replaced, not followed.
put_in_place() { # from, to
  mv -f -T -- "$1" "$2"
  flush "${2%/*}"
}

put_link() { # what it leads to, path
  ln -s -- "$1" "${2%/*}/$temporary"
  put_in_place "${2%/*}/$temporary" "$2"
}

# Root owns all folders, so that nobody can lead it astray there.
make_folder() {
  case $1 in
    "$root"/*)
      make_folder "${1%/*}"
      [ -d "$1" ] || mkdir -- "$1"
      if ! has_line "$owned" "$1"; then
        chown 0:0 -- "$1"
        chmod 755 -- "$1"
        owned=$owned$1$newline
      fi
      ;;
    *) [ -d "$1" ] || mkdir -p -- "$1" ;;
  esac
}

# What lies in a folder of somebody else's, or in one that others may change, can become a link to anywhere while root writes.
check_folder() { # path, which bits of others' are allowed: none, or those of a folder such as /tmp
  if [ -L "$1" ] || [ ! -d "$1" ]; then
    die "$1 is not a folder. Look what it is, move it away, and run this again. Nothing was changed."
  fi
  # Mode, links and owner come in the same order from GNU's ls and BusyBox'.
  # shellcheck disable=SC2046 # Words.
  set -- "$1" "$2" $(ls -ldn -- "$1")
  if [ "$5" != 0 ] && [ "$2" = sticky ]; then
    die "$1 belongs to user $5, who can lead root astray below it. Render with another --install-dir, such as /etc/sitepass. Nothing was changed."
  fi
  [ "$5" = 0 ] ||
    die "$1 belongs to user $5, who can lead root astray in it. Look what is in it, run: chown root: $1, and run this again. Nothing was changed."
  case $2$3 in
    sticky?????????[tT]*) ;;
    *?????w???? | *?????w????[.+@] | *????????w? | *????????w?[.+@])
      die "$1 may be changed by others than root. Look what is in it, run: chmod go-w $1, and run this again. Nothing was changed."
      ;;
  esac
}

# The folders above the one that is installed to, that folder, and those in it that are written to: so far as they are there.
check_folders() {
  above=${root%/*}
  while [ -n "$above" ] && [ ! -d "$above" ]; do above=${above%/*}; done
  above=$(cd -- "$above/" && pwd -P)
  image=$(cd -- "${DESTDIR:-}/" 2>/dev/null && pwd -P) || image=/
  while [ "$above" != "$image" ] && [ -n "$above" ]; do
    check_folder "$above" sticky
    above=${above%/*}
  done
  for path in . $before $files; do
    case $path in systemd/*) continue ;; esac
    folder=$root
    rest=${path%"${path##*/}"}
    while :; do
      if [ -e "$folder" ] || [ -L "$folder" ]; then check_folder "$folder" none; fi
      [ -n "$rest" ] || break
      folder=$folder/${rest%%/*}
      rest=${rest#*/}
    done
  done
}

check_user() { # user, whose package makes it
  id -u -- "$1" >/dev/null 2>&1 ||
    die "there is no user $1 on this machine. Install $2, whose package makes it, and run this again. Nothing was changed."
}

put() { # unit, path
  set_target "$2"
  folder=${target%/*}
  make_folder "$folder"
  if [ ! -f "$target" ] || [ -L "$target" ] || ! cmp -s -- "$here/$2" "$target"; then
    changing
    cat <"$here/$2" >"$folder/$temporary"
    chmod 644 -- "$folder/$temporary"
    flush "$folder/$temporary"
    put_in_place "$folder/$temporary" "$target"
    report "wrote $target"
    touched "$1"
    case $2 in systemd/*) units_changed=yes ;; esac
  fi
  plain=$plain$target$newline
}

own_plain() {
  set -f
  IFS=$newline
  # shellcheck disable=SC2086 # A list of lines.
  chown 0:0 -- $plain
  # shellcheck disable=SC2086
  chmod 644 -- $plain
  unset IFS
  set +f
}

put_set() { # unit, user, whether the unit takes new secrets by itself, folder, names
  unit=$1
  uid=$(id -u -- "$2")
  gid=$(id -g -- "$2")
  rereads=$3
  source=$here/$4
  folder=$root/$4
  shift 4
  make_folder "${folder%/*}"
  [ -d "$folder" ] || mkdir -m 700 -- "$folder"
  if holds_set "$@"; then
    own_set "$folder/$current" "$@"
  else
    changing
    fresh=..$(date -u +%Y_%m_%d_%H_%M_%S).$$
    mkdir -m 700 -- "$folder/$fresh"
    for name; do
      (umask 077 && cat <"$source/$name" >"$folder/$fresh/$name")
      flush "$folder/$fresh/$name"
    done
    own_set "$folder/$fresh" "$@"
    flush "$folder/$fresh"
    # Files that were copied by hand cannot be replaced together. They go first: a collector that misses a secret
    # for a moment tries again, and one that sends a mixed pair loses data.
    for name; do
      [ -L "$folder/$name" ] || rm -f -- "$folder/$name"
    done
    [ -L "$folder/..data" ] || rm -rf -- "$folder/..data"
    put_link "$fresh" "$folder/..data"
    for name; do
      set_current "$folder/$name"
      [ "$current" = "..data/$name" ] || put_link "..data/$name" "$folder/$name"
    done
    report "replaced the secrets in $folder"
    if [ "$rereads" = yes ]; then rereading="$rereading$unit "; else touched "$unit"; fi
  fi
  remove_former_sets "$folder"
}

# Whether the folder holds exactly the secrets of the source; current is then their folder's name.
holds_set() { # names
  for name; do
    set_current "$folder/$name"
    [ "$current" = "..data/$name" ] || return 1
  done
  set_current "$folder/..data"
  case $current in ..[0-9]*) ;; *) return 1 ;; esac
  for name; do
    [ ! -L "$folder/$current/$name" ] && cmp -s -- "$source/$name" "$folder/$current/$name" || return 1
  done
  for name in "$folder/$current"/*; do
    has_name "${name##*/}" "$@" || return 1
  done
}

has_name() { # name, names
  wanted=$1
  shift
  for other; do
    [ "$other" != "$wanted" ] || return 0
  done
  return 1
}

# The collector's user may come in and read its secrets.
own_set() { # folder of the set, names
  (
    cd -- "$1"
    shift
    chmod 600 -- "$@"
    chown "$uid:$gid" -- "$@"
  )
  chown "0:$gid" -- "$folder" "$1"
  chmod 750 -- "$folder" "$1"
}

remove_former_sets() { # folder
  set_current "$1/..data"
  for former in "$1"/..[0-9]*; do
    if [ -d "$former" ] && [ "${former##*/}" != "$current" ]; then
      rm -rf -- "$former"
    fi
  done
}

has_links_to_set() { # folder
  for link in "$1"/*; do
    set_current "$link"
    case $current in ..data/*) return 0 ;; esac
  done
  return 1
}

# What earlier runs made: the first line names the site, each other one a file.
put_record() { # paths
  { echo "site $site"; printf '%s\n' "$@" | sort -u | grep . || :; } >"$root/$temporary"
  if cmp -s -- "$root/$temporary" "$record"; then
    rm -f -- "$root/$temporary"
  else
    changing
    flush "$root/$temporary"
    put_in_place "$root/$temporary" "$record"
  fi
}

remove_file() { # path
  changing
  case $1 in
    systemd/*.service.d/*)
      units_changed=yes
      unit=${1#systemd/}
      bare="$bare${unit%%.service.d/*} "
      ;;
    systemd/*)
      units_changed=yes
      stop="$stop${1#systemd/} "
      if speaks_to_systemd; then systemctl disable --quiet -- "${1#systemd/}" 2>/dev/null || :; fi
      ;;
  esac
  set_target "$1"
  rm -f -- "$target"
  report "removed $target"
  remove_empty_folders "$1"
}

remove_empty_folders() { # path of a file that was in them
  set_target "$1"
  folder=${target%/*}
  case $1 in
    */credentials/*)
      if [ -d "$folder" ] && ! has_links_to_set "$folder"; then
        rm -f -- "$folder/..data"
        remove_former_sets "$folder"
      fi
      ;;
  esac
  while [ "$folder" != "$root" ] && [ "$folder" != "$units" ] && rmdir -- "$folder" 2>/dev/null; do
    folder=${folder%/*}
  done
}

# What this machine has to be told before the relay can start.
relay_steps() {
  if [ -n "$authorities" ] && [ ! -e "$authorities" ]; then
    for found in /etc/pki/tls/certs/ca-bundle.crt /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem /etc/ssl/ca-bundle.pem /etc/ssl/cert.pem; do
      if [ -e "$found" ]; then
        echo "The relay looks for authorities in $authorities, which this system keeps elsewhere:"
        echo "  sudo ln -s $found $authorities"
        break
      fi
    done
  fi
  command -v getenforce >/dev/null && [ "$(getenforce)" = Enforcing ] || return 0
  allowed=$(getsebool httpd_can_network_connect 2>/dev/null) || allowed=''
  ports=$(semanage port -l 2>/dev/null | grep '^http_port_t ' | grep -w -- "$relay_port") || ports=''
  case $allowed:$ports in
    *on:?*) ;;
    *)
      echo "SELinux is at work here, and lets the relay neither listen on port $relay_port nor connect. Once, before it starts:"
      echo "  sudo semanage port -a -t http_port_t -p tcp $relay_port || sudo semanage port -m -t http_port_t -p tcp $relay_port"
      echo "  sudo setsebool -P httpd_can_network_connect on"
      echo "The program semanage is in the package policycoreutils-python-utils."
      ;;
  esac
}

next_steps() {
  to_restart=''
  # In the order in which they are started.
  for unit in $services; do
    case $restart in *" $unit "*) to_restart="$to_restart $unit" ;; esac
  done
  if [ -n "$to_restart" ]; then
    [ -z "$relay_port" ] || relay_steps
    echo "Next, check and start. A collector that is restarted may lose what it has not sent yet:"
    echo "$checks" | sed 's/^/  /'
    echo "  sudo systemctl enable$to_restart && sudo systemctl restart$to_restart"
  fi
  for unit in $rereading; do
    case $restart in *" $unit "*) ;; *) echo "$unit takes the new secret by itself: leave it running." ;; esac
  done
  if [ "$stop" != ' ' ]; then
    echo "Then stop what is not used any more:"
    echo "  sudo systemctl stop${stop% }"
  fi
  if [ "$bare" != ' ' ]; then
    echo "When it is started again, this runs what its package came with. If it is not used any more:"
    echo "  sudo systemctl disable --now${bare% }"
  fi
}

for needed in cmp grep id readlink sed sort sync; do
  command -v "$needed" >/dev/null || die "needs the program $needed. Install it, and run this again."
done
[ "$(id -u)" -eq 0 ] || die "needs to be root, to give files to the collector's user. Run: sudo sh install.sh"
removing=no
case ${1:-} in
  '') ;;
  --remove)
    case ${2:-} in
      '' | *[!a-z-]*) die "--remove takes the name of a collector, as in: sudo sh install.sh --remove prometheus" ;;
    esac
    removing=yes
    collector=$2
    files=''
    relay_port=''
    services=''
    [ -f "$root/.installed-$collector" ] || die "$root holds no installation of $collector. There is nothing to remove."
    ;;
  *) die "takes no argument but --remove. Run: sudo sh install.sh" ;;
esac
record=$root/.installed-$collector
mark=$root/.unfinished-$collector

before=''
check_folders
for path in $files; do
  [ -f "$here/$path" ] || die "$here/$path is missing. Copy the whole folder again. Nothing was changed."
done
[ "$here" != "$(cd -- "$root" 2>/dev/null && pwd -P)" ] ||
  die "lies in $root itself, where it is to install to. Move this folder to another place first. Nothing was changed."
others=''
for other in "$root"/.installed-*; do
  [ -f "$other" ] || continue
  [ "$(sed 1q -- "$other")" = "site $site" ] ||
    die "$root holds the files of $(sed 1q -- "$other"), and these are of site $site. Render them with another --install-dir, or remove $other if that site is gone. Nothing was changed."
  [ "$other" = "$record" ] || others=$others$newline$(sed 1d -- "$other")
done
[ ! -f "$record" ] || before=$(sed 1d -- "$record")
check_record
check_folders
[ "$removing" = yes ] || check_users

make_folder "$root"
take_turn
if [ -e "$mark" ]; then
  unfinished=yes
  units_changed=yes
  restart=" $services "
fi
for path in .installed $before $files; do
  set_target "$path"
  for leftover in "${target%/*}"/.sitepass-new.*; do
    if [ -e "$leftover" ] || [ -L "$leftover" ]; then
      rm -f -- "$leftover"
    fi
  done
done

# The record names a file before it is made and until it is gone.
# shellcheck disable=SC2086 # Lists of paths without spaces.
put_record $before $files
if [ "$removing" = no ]; then
  put_files
  own_plain
fi
# Configuration before the secrets that it may name.
for kind in plain secret; do
  for path in $before; do
    case $path in */credentials/*) path_kind=secret ;; *) path_kind=plain ;; esac
    if [ "$path_kind" = "$kind" ] && ! has_line "$files" "$path" && ! has_line "$others" "$path"; then
      set_target "$path"
      if [ -e "$target" ] || [ -L "$target" ]; then
        remove_file "$path"
      else
        remove_empty_folders "$path"
      fi
    fi
  done
done
if [ "$removing" = yes ]; then
  rm -f -- "$record"
else
  # shellcheck disable=SC2086
  put_record $files
fi
tell_systemd
if [ -n "$written" ]; then
  echo "$site, $collector:"
  printf '%s' "$written"
else
  echo "$site: all of $collector was in place already."
fi
[ -n "${DESTDIR:-}" ] || next_steps
for other in "$root"/.installed-*; do
  name=${other##*/.installed-}
  if [ -f "$other" ] && [ "$name" != "$collector" ]; then
    echo "$name is installed here too. If it is not used any more: sudo sh install.sh --remove $name"
  fi
done
rm -f -- "$mark"
