
# From here on the same for everything that is installed so.

newline='
'

die() {
  echo "install.sh: $*" >&2
  exit 1
}

report() {
  written="$written  $*$newline"
}

# Whether a line is in a list of lines.
has_line() { # list, line
  case "$newline$1$newline" in *"$newline$2$newline"*) ;; *) return 1 ;; esac
}

speaks_to_systemd() {
  [ -z "${DESTDIR:-}" ] && [ -d /run/systemd/system ] && command -v systemctl >/dev/null
}

# Before the first change, and until all is done: a later run then knows that this one was cut short.
changing() {
  [ -e "$mark" ] || : >"$mark"
}

# Files are removed by the record: one that somebody else wrote is not followed.
check_record() {
  for path in $before; do
    case $path in
      /* | *..* | *[!A-Za-z0-9._@/-]*) die "$record is not as install.sh wrote it. Remove it, and run this again. Nothing was changed." ;;
    esac
  done
}

# One run at a time, where it can be told.
take_turn() {
  if command -v flock >/dev/null; then
    exec 9>>"$root/.lock"
    flock -n 9 || die "another run is at work in $root. Wait until it is done."
  fi
}

# Before anything is said of what to start.
tell_systemd() {
  if [ "$units_changed" = yes ] && speaks_to_systemd; then
    systemctl daemon-reload
  fi

  if [ "$unfinished" = yes ]; then
    echo "An earlier run was cut short; this one has finished it."
  fi
}
