#!/bin/sh
# Stand-ins of emerge, equery, eclean and emaint: they keep to the real command lines and answer as the real ones do
# (streams, exit codes, what is left in ROOT), make real binary packages and install them. One file, called by name.
# Ebuilds are shell files: /var/db/repos/test/CATEGORY/NAME/NAME-VERSION.ebuild with SLOT, KEYWORDS, IUSE, RDEPEND and
# src_install. Every command line goes to /var/log/commands, a word in brackets each.
export LC_ALL=C
REPO=/var/db/repos/test
PKGDIR=${PKGDIR:-/var/cache/binpkgs}
ROOT=${ROOT%/}
FORMAT=$(sed -n 's/^BINPKG_FORMAT="*\([a-z]*\)"*$/\1/p' /etc/portage/make.conf 2>/dev/null)
FORMAT=${FORMAT:-gpkg}
NAME=${0##*/}

mkdir -p /var/log "$PKGDIR"
{
  printf '%s' "${ROOT:+ROOT=$ROOT }$NAME"
  for word; do printf ' [%s]' "$word"; done
  printf '\n'
} >>/var/log/commands
[ -z "$STAND_IN_ENV" ] || env | grep -E "$STAND_IN_ENV" | sort | sed 's/^/env /' >>/var/log/commands

green() { if [ -n "$NO_COLOR" ]; then printf ' * %s\n' "$1"; else printf ' \033[32m*\033[0m %s\n' "$1"; fi; }

# lines KIND CAT/PKG -> the rest of the lines of package.KIND about a package
lines() {
  for file in "/etc/portage/package.$1" "/etc/portage/package.$1"/*; do
    [ -f "$file" ] || continue
    while read -r atom rest; do
      case $atom in "$2" | "=$2"-*) echo "$1: $rest" ;; esac
    done <"$file"
  done
}

# checks the lines that are no atoms, as Portage does before it goes on
check_lines() {
  for file in /etc/portage/package.accept_keywords /etc/portage/package.accept_keywords/*; do
    [ -f "$file" ] || continue
    while read -r atom rest; do
      case $atom in '' | '#'* | */*) ;; *) echo "--- Invalid atom in $file: $atom" >&2 ;; esac
    done <"$file"
  done
}

# split ATOM -> cat pn ver slot, empty where it does not say
split() {
  atom=$1 ver= slot= op=
  case $atom in '>='* | '<='*) op=${atom%"${atom#??}"} atom=${atom#??} ;; [=~'<>']*) op=${atom%"${atom#?}"} atom=${atom#?} ;; esac
  atom=${atom%%::*} atom=${atom%%\[*}
  case $atom in *:*) slot=${atom#*:} slot=${slot%%/*} atom=${atom%%:*} ;; esac
  if [ -n "$op" ]; then
    ver=$(echo "$atom" | sed -n 's/^.*-\([0-9][^-]*\(-r[0-9]*\)\{0,1\}\)$/\1/p')
    [ -n "$ver" ] || return 1
    atom=${atom%-"$ver"}
  fi
  case $atom in *[!A-Za-z0-9+_./-]* | '' | */*/*) return 1 ;; esac
  case $atom in */*) cat=${atom%/*} pn=${atom#*/} ;; *) cat=* pn=$atom ;; esac
}

# ebuilds -> the files that the last split means, lowest version first
ebuilds() {
  for file in $REPO/$cat/$pn/$pn-*.ebuild; do
    [ -f "$file" ] || continue
    version=${file##*/"$pn"-} version=${version%.ebuild}
    case $op in
      '=' | '~') [ "$version" = "$ver" ] || continue ;;
      '>=') [ "$(printf '%s\n%s\n' "$version" "$ver" | sort -V | head -n 1)" = "$ver" ] || continue ;;
    esac
    [ -z "$slot" ] || [ "$(. "$file"; echo "${SLOT%%/*}")" = "$slot" ] || continue
    echo "$version $file"
  done | sort -V | cut -d ' ' -f 2
}

load() { # FILE -> SLOT KEYWORDS IUSE RDEPEND cpv cp pf
  SLOT=0 KEYWORDS=amd64 IUSE= RDEPEND= FAIL= POSTINST=
  . "$1"
  pf=${1##*/} pf=${pf%.ebuild}
  cp=${1#"$REPO"/} cp=${cp%/*}
  cpv=${cp%/*}/$pf
  PV=${pf#"${cp#*/}"-}
}

flags() { # the flags of IUSE that are on
  on=
  for flag in $IUSE; do
    case $flag in +*) default=y flag=${flag#+} ;; *) default=n ;; esac
    for word in $(lines use "$cp" | sed 's/^use: //'); do
      case $word in "$flag") default=y ;; "-$flag") default=n ;; esac
    done
    [ $default = n ] || on="$on $flag"
  done
  echo $on | tr ' ' '\n' | sort | xargs
}
use() { case " $USE " in *" $1 "*) true ;; *) false ;; esac; }

index() { # writes Packages and Packages.gz
  {
    printf 'ARCH: amd64\nVERSION: 0\n\n'
    find "$PKGDIR" -name '*.info' | sort -V | while read -r info; do
      [ -e "${info%.info}" ] && cat "$info" && printf 'PATH: %s\n\n' "$(echo "${info%.info}" | sed "s|^$PKGDIR/||")"
    done
  } >"$PKGDIR/Packages"
  gzip -c "$PKGDIR/Packages" >"$PKGDIR/Packages.gz"
}

builds() { # CPV -> `id use… |file`, lowest id first
  for info in "$PKGDIR/${1%/*}/${cp#*/}/${1#*/}"-*.info; do
    [ -e "$info" ] && [ -e "${info%.info}" ] || continue
    echo "$(sed -n 's/^BUILD_ID: //p' "$info") $(sed -n 's/^USE: //p' "$info")|${info%.info}"
  done | sort -n
}

merge() { # FILE ID: unpacks a binary package into ROOT and records it
  mkdir -p "$ROOT/"
  kept=
  for name in $(tar -tf "$1" | grep '^\./etc/.*[^/]$'); do
    # A file of /etc that is there stays, and the new one is put beside it.
    [ -f "$ROOT/$name" ] && cp -p "$ROOT/$name" "$ROOT/$name.kept" && kept="$kept $name"
  done
  tar -xpf "$1" -C "$ROOT/" || exit 1
  for name in $kept; do
    mv "$ROOT/$name" "$ROOT/${name%/*}/._cfg0000_${name##*/}" && mv "$ROOT/$name.kept" "$ROOT/$name"
  done
  record=$ROOT/var/db/pkg/$cpv
  mkdir -p "$record" "$ROOT/var/lib/portage" "$ROOT/var/cache/edb"
  echo "$USE" >"$record/USE"
  echo "$2" >"$record/BUILD_ID"
  echo "$SLOT" >"$record/SLOT"
  tar -tf "$1" >"$record/CONTENTS"
  if [ -n "$ROOT" ]; then mkdir -p "$ROOT/tmp" "$ROOT/var/tmp" "$ROOT/etc/env.d"; : >>"$ROOT/etc/profile.env"; fi
}

build() { # builds the loaded ebuild -> a new file
  work=/var/tmp/portage/$cpv
  rm -rf "$work" && mkdir -p "$work/image" "$work/temp"
  D=$work/image
  echo ">>> Compiling source in $work/work ..." | tee "$work/temp/build.log"
  if [ -n "$FAIL" ]; then
    for i in 1 2 3; do echo "cc: error $i: $FAIL"; done | tee -a "$work/temp/build.log"
    green "ERROR: $cpv::test failed (compile phase):" | tee -a "$work/temp/build.log"
    green "  emake failed" | tee -a "$work/temp/build.log"
    printf '\n>>> Failed to emerge %s, Log file:\n\n>>>  %s\n' "$cpv" "'$work/temp/build.log'"
    return 1
  fi
  src_install >>"$work/temp/build.log" 2>&1 || return 1
  last=$(builds "$cpv" | tail -n 1 | cut -d ' ' -f 1)
  id=$((${last:-0} + 1))
  case $FORMAT in xpak) ext=xpak ;; *) ext=gpkg.tar ;; esac
  file=$PKGDIR/$cp/$pf-$id.$ext
  mkdir -p "${file%/*}"
  tar -cf "$file" -C "$D" .
  printf 'BUILD_ID: %s\nCPV: %s\nUSE: %s\n' "$id" "$cpv" "$USE" >"$file.info"
  [ "$SLOT" = 0 ] || echo "SLOT: $SLOT" >>"$file.info"
  echo ">>> Done."
}

no_ebuilds() {
  printf '\nemerge: there are no ebuilds to satisfy "%s".\n' "$1" >&2
  [ -z "$2" ] || printf '(dependency required by "%s::test" [ebuild])\n' "$2" >&2
}

# resolve ATOM [PARENT] -> adds files to $plan
resolve() {
  local found masked file parent dependency
  split "$1" || { printf "\n!!! '%s' is not a valid package atom.\n!!! Please check ebuild(5) for full details.\n" "$1" >&2; return 1; }
  found= masked=
  for file in $(ebuilds); do
    load "$file"
    case " $KEYWORDS " in
      *' amd64 '*) ;;
      *) [ -n "$(lines accept_keywords "$cp")" ] || { masked="$cpv::test (masked by: ~amd64 keyword)"; continue; } ;;
    esac
    if [ -n "$(lines mask "$cp")" ] && [ -z "$(lines unmask "$cp")" ]; then masked="$cpv::test (masked by: package.mask)"; continue; fi
    found=$file
  done
  if [ -z "$found" ] && [ -n "$masked" ]; then
    printf '\n!!! All ebuilds that could satisfy "%s" have been masked.\n!!! One of the following masked packages is required to complete your request:\n- %s\n' "$1" "$masked" >&2
    return 1
  fi
  [ -n "$found" ] || { no_ebuilds "$1" "$2"; return 1; }
  load "$found"
  parent=$cpv
  for dependency in $RDEPEND; do
    split "$dependency"
    if [ -z "$(installed)" ]; then resolve "$dependency" "$parent" || return 1; fi
  done
  case " $plan " in *" $found "*) ;; *) plan="$plan $found" ;; esac
  load "$found"
}

installed() { # what the last split means in /var/db/pkg, lowest first
  for entry in /var/db/pkg/$cat/$pn-[0-9]*; do
    [ -d "$entry" ] || continue
    version=${entry##*/"$pn"-}
    [ "$op" != = ] || [ "$version" = "$ver" ] || continue
    [ -z "$slot" ] || [ "$(cut -d / -f 1 "$entry/SLOT")" = "$slot" ] || continue
    echo "$version ${entry#/var/db/pkg/}"
  done | sort -V | cut -d ' ' -f 2
}

emerge() {
  only= atoms= respect=
  for word; do
    case $word in
      -OK) only=y ;;
      --binpkg-respect-use=y) respect=y ;;
      -kb | --noreplace | --jobs=* | --getbinpkg | -v | --quiet) ;;
      -*) printf 'emerge: error: no such option: %s\n' "$word" >&2; exit 2 ;;
      *) atoms="$atoms $word" ;;
    esac
  done
  [ -n "$atoms" ] || { echo "emerge: no packages" >&2; exit 1; }
  [ -e /proc/self ] || { echo "!!! Failed to validate a sane '/dev'." >&2; exit 1; }
  check_lines
  if [ -n "$only" ]; then emerge_only; else emerge_all; fi
}

emerge_all() {
  printf '\nCalculating dependencies ... done!\nDependency resolution took 0.12 s (backtrack: 0/20).\n\n'
  plan=
  for atom in $atoms; do resolve "$atom" || exit 1; done
  count=$(echo $plan | wc -w) number=0
  for file in $plan; do
    number=$((number + 1))
    load "$file"
    USE=$(flags)
    line=$(builds "$cpv" | sed -n "s/^\([0-9]*\) $USE|\(.*\)$/\1 \2/p" | tail -n 1)
    if [ -n "$line" ]; then
      id=${line%% *} file=${line#* }
      echo ">>> Emerging binary ($number of $count) $cpv::test"
      green "${file##*/} MD5 SHA1 size ;-) ...                [ ok ]"
      printf '>>> Extracting info\n>>> Extracting %s\n' "$cpv"
    else
      echo ">>> Emerging ($number of $count) $cpv::test"
      build || exit 1
    fi
    echo ">>> Installing ($number of $count) $cpv::test"
    merge "$file" "$id"
    printf '>>> Recording %s in "world" favorites file...\n>>> Completed (%s of %s) %s::test\n' "$cp" "$number" "$count" "$cpv"
  done
  index
}

emerge_only() {
  echo "Calculating dependencies ... done!"
  for atom in $atoms; do
    split "$atom" || { printf "\n!!! '%s' is not a valid package atom.\n" "$atom" >&2; exit 1; }
    cp=$cat/$pn cpv=$cat/$pn-$ver
    grep -q "^CPV: $cpv\$" "$PKGDIR/Packages" 2>/dev/null ||
      { printf '\nemerge: there are no binary packages to satisfy "%s" for %s/.\n' "$atom" "$ROOT" >&2; exit 1; }
  done
  for atom in $atoms; do
    split "$atom"
    cp=$cat/$pn cpv=$cat/$pn-$ver
    line=$(builds "$cpv" | tail -n 1)
    [ -n "$line" ] || { echo "!!! Tried to use non-existent binary $cpv" >&2; exit 1; }
    id=${line%% *} file=${line#*|}
    USE=$(sed -n 's/^USE: //p' "$file.info") SLOT=$(sed -n 's/^SLOT: //p' "$file.info")
    SLOT=${SLOT:-0}
    echo ">>> Emerging binary (1 of 1) $cpv::test for $ROOT/"
    echo ">>> Installing (1 of 1) $cpv::test to $ROOT/"
    merge "$file" "$id"
  done
}

equery() {
  [ "$1" = list ] && [ "${2#--format=}" = '$cpv' ] || { echo "equery: $*" >&2; exit 2; }
  split "$3" || exit 3
  list=$(installed)
  [ -n "$list" ] || exit 3
  printf '%s\n' "$list"
}

case $NAME in
  emerge) emerge "$@" ;;
  equery) equery "$@" ;;
  eclean)
    echo ">>> Building file list for packages cleaning..."
    find "$PKGDIR" -name '*.info' | while read -r info; do
      cpv=$(sed -n 's/^CPV: //p' "$info")
      pn=$(echo "${cpv#*/}" | sed 's/-[0-9].*$//')
      [ -e "$REPO/${cpv%/*}/$pn/${cpv#*/}.ebuild" ] || { echo " [ 1 K ] $cpv"; rm -f "$info" "${info%.info}"; }
    done
    echo ">>> Your packages directory was already clean."
    ;;
  emaint)
    for file in $(find "$PKGDIR" -name '*.gpkg.tar' -o -name '*.xpak'); do
      # What the stand-ins know of a package stands beside it; one that came from elsewhere is found by its content.
      [ -e "$file.info" ] || for info in /var/cache/binpkgs/*/*/*.info; do
        cmp -s "${info%.info}" "$file" && cp "$info" "$file.info"
      done
    done
    index
    ;;
esac
