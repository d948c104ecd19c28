#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""./dev: what it says about packages, and how it counts tests. Nothing is installed or built."""
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import unittest

from harness import ROOT, main

DEV = os.path.join(ROOT, "dev")


class Dev(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="ordo-test-")
        self.addCleanup(holder.cleanup)
        self.bin = holder.name

    def program(self, name, text):
        path = os.path.join(self.bin, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)

    def dev(self, *arguments, **variables):
        environment = {**os.environ, "PATH": self.bin + os.pathsep + os.environ["PATH"],
                       "DEV_UNPACKED": os.path.join(self.bin, "unpacked"), **variables}
        return subprocess.run([DEV, *arguments], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60, check=False)

    def pretend_installed(self, *missing):
        """A dpkg-query that knows every package it is asked for, but those."""
        self.program("dpkg-query", "#!/bin/bash\nfor name in \"${@:3}\"; do\n  case $name in\n"
                     + f"  {'|'.join(missing) or '-'}) ;;\n"
                     + "  *) echo \"$name install ok installed\" ;;\n  esac\ndone\n")

    def test_nothing_is_done_when_all_is_there(self):
        self.pretend_installed()
        os.makedirs(os.path.join(self.bin, "unpacked", "prometheus"))
        self.program("apt-get", "#!/bin/sh\necho called >&2\nexit 1\n")
        done = self.dev("packages")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_a_package_that_cannot_be_fetched_is_told(self):
        self.pretend_installed()
        self.program("apt-get", "#!/bin/sh\nexit 1\n")
        done = self.dev("packages")
        self.assertEqual((done.returncode, done.stderr),
                         (0, "dev: prometheus could not be fetched; tests that need it are skipped\n"))
        self.assertEqual(os.listdir(os.path.join(self.bin, "unpacked")), [])

    def test_missing_packages_are_named_and_installed(self):
        self.pretend_installed("meson", "libyaml-dev")
        done = self.dev("packages", DEV_DRY_RUN="1")
        self.assertIn("missing packages: meson libyaml-dev", done.stderr)
        if os.geteuid() == 0:
            self.assertEqual(done.returncode, 0)
            self.assertIn("would run: apt-get install -y --no-install-recommends meson libyaml-dev\n", done.stderr)

    def test_lists_are_updated_when_the_install_fails(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: dev asks sudo otherwise")
        self.pretend_installed("meson")
        self.program("apt-get", f"#!/bin/sh\necho \"$1\" >>{self.bin}/calls\n"
                     f"[ \"$1\" = update ] && touch {self.bin}/updated && exit 0\n[ -e {self.bin}/updated ]\n")
        done = self.dev("packages")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.bin, "calls"), encoding="ascii") as file:
            self.assertEqual(file.read().split(), ["install", "update", "install", "download"])

    def test_a_failed_install_names_what_is_missing(self):
        if os.geteuid() != 0:
            self.skipTest("needs root: dev asks sudo otherwise")
        self.pretend_installed("meson")
        self.program("apt-get", "#!/bin/sh\n[ \"$1\" = update ]\n")
        done = self.dev("packages")
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not install: meson", done.stderr)

    def dev_as_nobody(self, sudo=None):
        """With a sudo of its own, or none."""
        if os.geteuid() != 0 or shutil.which("setpriv") is None:
            self.skipTest("needs root and setpriv, to become another user")
        self.pretend_installed("meson")
        self.program("apt-get", f"#!/bin/sh\nexec >>{self.bin}/calls\necho apt-get \"$@\"\n")
        if sudo is not None:
            self.program("sudo", sudo)
        for name in ("bash", "dirname", "sh"):
            os.symlink(shutil.which(name), os.path.join(self.bin, name))
        shutil.copy(DEV, self.bin)  # where that user can read it
        os.chmod(self.bin, 0o777)
        for name in os.listdir(self.bin):
            if not os.path.islink(os.path.join(self.bin, name)):
                os.chmod(os.path.join(self.bin, name), 0o755)
        return subprocess.run([shutil.which("setpriv"), "--reuid=nobody", "--regid=nogroup", "--clear-groups",
                               os.path.join(self.bin, "dev"), "packages"],
                              env={"PATH": self.bin}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              check=False)

    def test_without_root_and_sudo_it_says_what_to_run(self):
        done = self.dev_as_nobody()
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "dev: missing packages: meson\n"
                         "dev: cannot install them: not root, and there is no sudo. As root, run: "
                         "apt-get update && apt-get install -y --no-install-recommends meson\n")

    def test_a_sudo_that_wants_a_password_without_a_terminal(self):
        done = self.dev_as_nobody(sudo="#!/bin/sh\n[ \"$1\" = -n ] && exit 1\necho asked >&2\nexit 1\n")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "dev: missing packages: meson\n"
                         "dev: cannot install them: sudo wants a password and there is no terminal. Run: "
                         "sudo apt-get update && sudo apt-get install -y --no-install-recommends meson\n")

    def test_a_sudo_that_needs_no_password_installs(self):
        done = self.dev_as_nobody(sudo="#!/bin/sh\n[ \"$1\" = -n ] && exit 0\nexec \"$@\"\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.bin, "calls"), encoding="ascii") as file:
            self.assertEqual(file.read(), "apt-get install -y --no-install-recommends meson\n")

    def test_an_unknown_word_shows_the_words(self):
        done = self.dev("nonsense")
        self.assertEqual(done.returncode, 2)
        self.assertIn("usage: ./dev WORD", done.stderr)

    def test_results_are_counted(self):
        path = os.path.join(self.bin, "testlog.json")
        with open(path, "w", encoding="utf-8") as file:
            for result in ("OK", "FAIL", "TIMEOUT", "SKIP", "EXPECTEDFAIL", "UNEXPECTEDPASS", "ERROR", "INTERRUPT"):
                file.write(f'{{"name": "x", "result": "{result}"}}\n')
        done = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tests", "count_results.py"), path],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "2 5\n")


if __name__ == "__main__":
    main()
