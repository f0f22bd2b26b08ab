#!/usr/bin/env python3
"""Writes a man page from a program's own description of its command line.

Usage: scripts/manual.py PROGRAM SECTION > PAGE

PROGRAM is run with --experimental-dump-help (swift-argument-parser); what it says of itself is the only source, so that
the page cannot say what the program does not do.
"""
import email.utils
import json
import os
import re
import subprocess
import sys

# What stands at the end of a page, for whom the programs' own descriptions have no place.
FILES = {
    "patchbay-controller": [
        ("/etc/patchbay/controller.conf", "Options with which systemd starts the controller."),
        ("/var/lib/patchbay/controller", "The data directory of the packaged controller."),
    ],
    "patchbay-leaf": [
        ("/etc/patchbay/leaf.conf", "Options with which systemd starts the leaf; written by patchbay host join."),
        ("/var/lib/patchbay/leaf", "The leaf's own files."),
        ("/sys/fs/bpf/patchbay", "Maps, programs and links of the kernel data path."),
    ],
    "patchbay-crypt": [],
    "patchbay": [("/usr/share/doc/patchbay-common", "The documents.")],
}
SEE_ALSO = {"patchbay": 1, "patchbay-controller": 8, "patchbay-leaf": 8, "patchbay-crypt": 8}
MISSING = {"version": "Show the version.", "help": "Show help information."}


def escape(text):
    """Text that roff takes as it is: no request at the beginning of a line, no escape, hyphens as they are typed."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def prose(text):
    """Paragraphs; lines that are indented are examples and stay as they are."""
    lines, literal = [], False
    for line in text.strip("\n").split("\n"):
        indented = line.startswith("  ")
        if indented and not literal:
            lines += [".PP", ".RS 4", ".nf"]
        if literal and not indented and line.strip():
            lines += [".fi", ".RE", ".PP"]
        if line.strip():
            literal = indented
            lines.append(escape(line.strip() if not indented else line[2:]))
        elif literal:
            lines.append("")
        else:
            lines.append(".PP")
    if literal:
        lines += [".fi", ".RE"]
    return tidy(lines)


def tidy(lines):
    """Without requests that say the same twice, which checkers complain of."""
    result = []
    for line in lines:
        if line == "" or (line == ".PP" and (not result or result[-1] in (".PP",))):
            continue
        result.append(line)
    while result and result[-1] == ".PP":
        result.pop()
    return result


def label(argument):
    value = argument.get("valueName", "value")
    if argument["kind"] == "positional":
        return "\\fI%s\\fR" % escape(value)
    names = ["--" + n["name"] if n["kind"] == "long" else "-" + n["name"] for n in argument["names"]]
    text = ", ".join("\\fB%s\\fR" % escape(n) for n in sorted(names, key=len))
    return text if argument["kind"] == "flag" else "%s \\fI%s\\fR" % (text, escape(value))


def shown(command):
    return [
        a for a in command.get("arguments", [])
        if a.get("shouldDisplay", True) and (a.get("valueName") not in MISSING or a["kind"] == "positional")
    ]


def synopsis(name, command):
    parts = ["\\fB%s\\fR" % escape(name)]
    for argument in shown(command):
        text = label(dict(argument, names=[argument["preferredName"]]) if "preferredName" in argument else argument)
        if argument.get("isRepeating"):
            text += " ..."
        parts.append("[%s]" % text if argument.get("isOptional") else text)
    return " ".join(parts)


def describe(command):
    lines = []
    for argument in shown(command):
        text = argument.get("abstract", "").strip()
        if argument.get("defaultValue"):
            text += " (default: %s)" % argument["defaultValue"]
        if argument.get("allValues"):
            text += " One of: %s." % ", ".join(argument["allValues"])
        lines += [".TP", label(argument), escape(text or argument.get("valueName", ""))]
    return lines


def commands(name, command, lines):
    for sub in command.get("subcommands", []):
        if sub["commandName"] == "help" or not sub.get("shouldDisplay", True):
            continue
        full = "%s %s" % (name, sub["commandName"])
        if sub.get("subcommands"):
            commands(full, sub, lines)
            continue
        lines += [".SS " + escape(full.split(" ", 1)[1])]
        lines += [synopsis(full, sub)]
        if sub.get("abstract"):
            lines += [".PP", escape(sub["abstract"])]
        if sub.get("discussion"):
            lines += [".PP"] + prose(sub["discussion"])
        lines += describe(sub)
    return lines


def release():
    """Version and date of the newest entry of debian/changelog."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "debian", "changelog")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    version = re.match(r"patchbay \(([^-)]+)", text).group(1)
    stamp = re.search(r"^ -- .*>  (.*)$", text, re.M).group(1)
    return version, email.utils.parsedate_to_datetime(stamp).strftime("%Y-%m-%d")


def page(program, section):
    dump = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
    command = json.loads(dump)["command"]
    name = command["commandName"]
    version, date = release()
    lines = [
        '.\\" Made by scripts/manual.py from what the program says of itself.',
        '.TH %s %s %s "Patchbay %s" "Patchbay"' % (escape(name.upper()), section, date, version),
        ".SH NAME",
        "%s \\- %s" % (escape(name), escape(command.get("abstract", "").rstrip("."))),
        ".SH SYNOPSIS",
        "\\fB%s\\fR \\fIcommand\\fR [\\fIoption\\fR ...]" % escape(name),
        ".SH DESCRIPTION",
    ]
    lines += prose(command.get("discussion") or command.get("abstract", ""))
    lines += [".PP", "Every command takes \\fB\\-\\-help\\fR."]
    lines += [".SH COMMANDS"] + commands(name, command, [])
    if FILES.get(name):
        lines += [".SH FILES"]
        for path, text in FILES[name]:
            lines += [".TP", "\\fI%s\\fR" % escape(path), escape(text)]
    others = ", ".join(
        "\\fB%s\\fR(%d)" % (escape(other), number) for other, number in sorted(SEE_ALSO.items()) if other != name)
    return "\n".join(lines + [".SH SEE ALSO", others]) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    sys.stdout.write(page(os.path.abspath(sys.argv[1]), sys.argv[2]))
