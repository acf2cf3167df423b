#!/usr/bin/python3
"""What the module's file itself shows: usage elf.py MODULE.

Relies on readelf and nm. A property that a linker or a compiler option can lose again is checked here, not trusted:
no thread-local storage, no constructor or destructor, libc alone, nothing exported or imported beyond the lists, hardly any writable data.
"""
import re
import subprocess
import sys

EXPORTS = {"_nss_multidir_" + name for name in (
    "getpwnam_r", "getpwuid_r", "setpwent", "getpwent_r", "endpwent",
    "getgrnam_r", "getgrgid_r", "setgrent", "getgrent_r", "endgrent", "initgroups_dyn")}
# No malloc, no socket, no lock, no environment, no signal: what is not imported cannot be called.
IMPORTS = {"__errno_location", "__stack_chk_fail", "__memcpy_chk", "clock_gettime", "close", "fstat64", "fstat", "memcpy", "memcmp", "bcmp",
           "memset", "mmap64", "mmap", "munmap", "open64", "open", "realloc", "strnlen", "strlen", "strcmp", "syscall"}
WRITABLE = 2048  # the table of mappings, and two cursors


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main(path):
    bad = []

    def claim(text, holds, detail=""):
        print(("ok   " if holds else "BAD  ") + text, detail if not holds else "")
        if not holds:
            bad.append(text)

    segments = output("readelf", "-lW", path)
    dynamic = output("readelf", "-dW", path)
    symbols = [line.split() for line in output("nm", "-D", path).splitlines()]
    exported = {s[-1].split("@")[0] for s in symbols if s[-2] in "TtDdBbRrVvi" and not s[-1].startswith("__bss")}
    imported = {s[-1].split("@")[0] for s in symbols if s[-2] in ("U", "w")}
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic)
    writable = sum(int(m[1], 16) for m in re.finditer(r" \.(?:data|bss)\s+\S+\s+\S+\s+\S+\s+(\S+)", output("readelf", "-SW", path)))
    claim("no thread-local storage", not re.search(r"^\s+TLS\s", segments, re.M))
    claim("no executable stack", re.search(r"GNU_STACK.*RW ", segments) is not None)
    claim("relocations are read-only", "GNU_RELRO" in segments and "NOW" in dynamic)
    claim("no constructor or destructor", not re.search(r"INIT|FINI", dynamic), dynamic)
    claim("libc alone", needed == ["libc.so.6"], needed)
    claim("soname", "[libnss_multidir.so.2]" in dynamic)
    claim("is never unloaded", "NODELETE" in dynamic)
    claim("exports the entry points and nothing else", exported == EXPORTS, exported ^ EXPORTS)
    claim("imports nothing beyond the list", imported <= IMPORTS, imported - IMPORTS)
    claim(f"at most {WRITABLE} bytes of writable data", writable <= WRITABLE, writable)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
