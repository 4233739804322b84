#!/usr/bin/env bash
# Checks every #include of the C sources against the rooms of docs/ARCHITECTURE.md: arrows point
# down only, siblings never meet, nobody includes main, and each external library has one owner.
# The linker guards the arrows too (each room's tests link only what it may use); this check also
# sees what never reaches the linker, and says it in one sentence.
#
#   tools/check_layers.sh [tree]
set -euo pipefail

tree=${1:-$(dirname "$0")/..}
cd "$tree"

# What a room may include, itself aside.
rooms='
base
http        base
kube        base http
aws         base http
engine      base
payload     base engine
server      base kube aws engine
controller  base kube aws engine payload
'

# Library headers (a prefix of what stands between the angle brackets) and the files, or whole rooms
# (with a final slash), that may include them.
owners='
jansson.h       base/ kube/ aws/ engine/ payload/ controller/ server/
curl/           http/
libpq-fe.h      engine/postgres
mysql/          engine/mysql
mariadb/        engine/mysql
microhttpd.h    server/
openssl/        base/digest.c base/random.c http/trust_store.c
yaml.h          kube/kubeconfig.c
cmocka.h        support/test.h
valgrind/       support/
'

# Headers of the C library and the kernel.  Anything else is a dependency that nobody decided on.
# shellcheck disable=SC2016  # awk's words, not the shell's
c_library='^(assert|ctype|dirent|dlfcn|errno|fcntl|float|fnmatch|getopt|glob|grp|inttypes|limits|locale|malloc|math|netdb|poll|pthread|pwd|regex|sched|search|semaphore|setjmp|signal|spawn|stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|syscall|sysexits|termios|time|uchar|unistd|wchar|wctype|(sys|net|netinet|arpa|linux)/[a-z0-9_/-]+)\.h$'

# shellcheck disable=SC2016
program='
function complain(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    violations++
}

function room_may(room, other,   list, n, i) {
    n = split(allowed[room], list, " ")
    for (i = 1; i <= n; i++)
        if (list[i] == other)
            return 1
    return room == other
}

# True when the file (path from src/ or tests/unit/) is one of the owners of the library.
function owns(library, file, is_test,   list, n, i, owner) {
    n = split(owner_of[library], list, " ")
    for (i = 1; i <= n; i++) {
        owner = list[i]
        if (index(file, owner) == 1)
            return 1
        # The tests of a room may speak to what one of its files speaks to.
        if (is_test && index(file, substr(owner, 1, index(owner, "/"))) == 1)
            return 1
    }
    return 0
}

# A test may have headers of its own beside it.
function is_neighbour(name,   folder, text, found) {
    folder = FILENAME
    sub(/[^\/]*$/, "", folder)
    found = (getline text < (folder name)) >= 0
    close(folder name)
    return found
}

function check_ours(path,   other) {
    if (path !~ /\//) {
        if (room != "" && !(is_test && is_neighbour(path)))
            complain("\"" path "\" is not a path from src/: write \"room/file.h\"; only main and options stand outside the rooms, and nobody includes them")
        return
    }
    if (path ~ /(^|\/)\.\.?\//) {
        complain("\"" path "\" is relative: write the path from src/")
        return
    }
    other = substr(path, 1, index(path, "/") - 1)
    if (other == "support") {
        if (!is_test && !is_support)
            complain("the product includes \"" path "\" of the tests: move what both need into a room")
        return
    }
    if (!(other in allowed)) {
        complain("\"" path "\" names no room: rooms are those of tools/check_layers.sh")
        return
    }
    if (is_support || room == "")
        return
    if (!room_may(room, other))
        complain("room " room " may not include \"" path "\": arrows point down only (" room " may use: " allowed[room] "); pass what you need in from above")
}

function check_library(path,   library) {
    for (library in owner_of) {
        if (index(path, library) != 1)
            continue
        if (!owns(library, file, is_test || is_support))
            complain("<" path "> belongs to " owner_of[library] ": go through the owner instead")
        return
    }
    if (path !~ c_library)
        complain("<" path "> is a library that nobody decided on: write a decision record and add its owner to tools/check_layers.sh")
}

BEGIN {
    n = split(rooms, line, "\n")
    for (i = 1; i <= n; i++) {
        if (split(line[i], word, " ") == 0)
            continue
        allowed[word[1]] = ""
        for (k = 2; k in word; k++)
            allowed[word[1]] = allowed[word[1]] (k > 2 ? " " : "") word[k]
    }
    n = split(owners, line, "\n")
    for (i = 1; i <= n; i++) {
        if (split(line[i], word, " ") == 0)
            continue
        owner_of[word[1]] = substr(line[i], length(word[1]) + 1)
        gsub(/^ +/, "", owner_of[word[1]])
    }
}

FNR == 1 {
    files++
    file = FILENAME
    is_support = sub(/^tests\/support\//, "support/", file)
    is_test = sub(/^tests\/unit\//, "", file)
    sub(/^tests\/fuzz\//, "", file)
    sub(/^src\//, "", file)
    room = index(file, "/") ? substr(file, 1, index(file, "/") - 1) : ""
    if (is_support || (is_test && !(room in allowed)))
        room = ""
    if (room != "" && !(room in allowed)) {
        complain("the folder " room " is no room: add it to tools/check_layers.sh with what it may use")
        room = ""
    }
}

/^[ \t]*#[ \t]*include[ \t]*"/ {
    path = $0
    sub(/^[^"]*"/, "", path)
    sub(/".*/, "", path)
    check_ours(path)
}

/^[ \t]*#[ \t]*include[ \t]*</ {
    path = $0
    sub(/^[^<]*</, "", path)
    sub(/>.*/, "", path)
    check_library(path)
}

END {
    if (files == 0) {
        print "no C source was found: run this from the source tree, or name it"
        exit 1
    }
    exit violations > 0
}
'

mapfile -d '' -t sources < <(find src tests/unit tests/support -name '*.[ch]' -print0 | sort -z)
# The lists keep their line ends: awk gets them through the environment, since -v would not.
rooms=$rooms owners=$owners c_library=$c_library awk '
BEGIN { rooms = ENVIRON["rooms"]; owners = ENVIRON["owners"]; c_library = ENVIRON["c_library"] }
'"$program" "${sources[@]}"
