#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The runner of the documents finds examples and sees differences: without an engine."""
import types
import unittest

import run_docs

TEXT = """# Title

```console
$ echo one \\
  two
one two
$ printf 'a
b\\n'
a
b
```

text
<!-- not run: needs root -->
```console
$ apt-get install x
```

- item

  <!-- rule: rules/10_x.lua -->
  ```lua
  return {
    name = "x",
  }
  ```
"""


class RunDocs(unittest.TestCase):
    def test_blocks_with_their_lines_and_notes(self):
        found = run_docs.blocks(TEXT)
        self.assertEqual([(b.kind, b.line, b.note, b.argument) for b in found],
                         [("console", 4, None, None), ("console", 16, "not run", "needs root"),
                          ("lua", 23, "rule", "rules/10_x.lua")])
        self.assertEqual(found[2].body, 'return {\n  name = "x",\n}\n')

    def test_commands_go_on_over_lines(self):
        self.assertEqual(run_docs.commands(run_docs.blocks(TEXT)[0]),
                         [(4, "echo one \\\n  two", ["one two"]), (7, "printf 'a\nb\\n'", ["a", "b"])])

    def test_a_block_has_to_begin_with_a_command(self):
        with self.assertRaisesRegex(ValueError, "line 2: a console block begins with"):
            run_docs.commands(run_docs.blocks("```console\noutput\n```\n")[0])

    def test_wildcards(self):
        same = [([], []), (["a"], ["a"]), (["..."], []), (["..."], ["a", "b"]), (["a", "...", "d"], ["a", "b", "c", "d"]),
                (["{…}"], ["{1}"]), (["a…c…e"], ["abcde"]), (["a.c"], ["a.c "]), (["...", "z"], ["z", "z"])]
        other = [([], ["a"]), (["a"], []), (["a"], ["b"]), (["..."  , "x"], ["a"]), (["a…"], ["ba"]), (["a.c"], ["abc"]),
                 (["a"], ["a", "b"])]
        for expected, actual in same:
            self.assertTrue(run_docs.matches(expected, actual), (expected, actual))
        for expected, actual in other:
            self.assertFalse(run_docs.matches(expected, actual), (expected, actual))

    def test_shell_keeps_its_folder_and_replaces_the_address(self):
        shell = run_docs.Shell("/", types.SimpleNamespace(port=18999))
        try:
            self.assertEqual(shell.run("cd /usr; x=5"), [])
            self.assertEqual(shell.run("pwd; echo $x; cat"), ["/usr", "5"])
            self.assertEqual(shell.run("echo http://127.0.0.1:8080/ | tr 9 8"), ["http://127.0.0.1:18888/"])
            self.assertEqual(shell.run("echo http://127.0.0.1:8080/"), ["http://127.0.0.1:8080/"])
            self.assertEqual(shell.run("printf x; echo err >&2"), ["xerr"])
            self.assertEqual(shell.run("printf x"), ["x"])
        finally:
            shell.close()

    def test_a_wrong_output_is_told_with_its_place(self):
        shell = run_docs.Shell("/", types.SimpleNamespace(port=18999))
        complaints = []
        run_docs.run_console("x.md", run_docs.blocks("```console\n$ echo a\nb\n$ echo c\nc\n```\n")[0], shell, complaints)
        shell.close()
        self.assertEqual(complaints, ["x.md:2: $ echo a\n  expected:\n    b\n  got:\n    a"])


if __name__ == "__main__":
    unittest.main()
