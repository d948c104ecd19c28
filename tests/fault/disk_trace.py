# SPDX-License-Identifier: MIT
"""Reads the trace of disk_shim.c, and makes folders as a power cut at any moment may leave them.

    disk = Disk()
    for record in read_trace(path):
        disk.apply(record)
    disk.write_cut(folder, random.Random(1))    # what may be there; as often as you like
    disk.write_whole(folder)                    # what the process saw

What a disk keeps, as strict as can be had while it still keeps its word:

- What was written to a file before a sync of it that succeeded is there. A sync that failed, or runs, promises nothing.
- Each sector of 512 bytes that was written since then is as it was at a moment of its own between that sync and the cut:
  so later writes may be there without earlier ones, and a write may be torn at sectors. A sector is never torn.
- The file's size is one that it had since that sync; what did not arrive inside of it is zeros.
- A sync of a folder keeps its entries. Of the entries made, renamed and removed since then, a random first part is there:
  file systems keep changes of a folder in their order (ext4: one journal). Folders do not keep step with each other.
- A sync of a file does not keep its entry, though it does on ext4, as POSIX does not say so; nor does one of a folder keep
  the entry of that folder in its parent.
- Pages of a mapped file reach the disk at any time or never: what is stored into them is a write of its sectors without a
  sync, so a sector has what it had at some moment before the cut. A store that came behind the last operation before the
  cut is not in the trace; the trace has it with the next operation, so a later cut has it.
"""
import os
import struct

HEADER = struct.Struct("=QQQIIII")
SECTOR = 512
CREATE, MKDIR, WRITE, TRUNCATE, SYNC, SYNC_DIR, RENAME, LINK, REMOVE, MAPPED, FAULT, UNKNOWN = range(1, 13)


class Record:
    """One operation; see disk_shim.h."""
    __slots__ = ("end_ns", "inode", "offset", "op", "names", "data")

    def __init__(self, op, names=(), inode=0, offset=0, data=b"", end_ns=0):
        self.op, self.names, self.inode, self.offset, self.data, self.end_ns = op, names, inode, offset, data, end_ns


def read_trace(path):
    with open(path, "rb") as file:
        content = file.read()
    records, at = [], 0
    while at < len(content):
        end_ns, inode, offset, op, name_bytes, data_bytes, _ = HEADER.unpack_from(content, at)
        at += HEADER.size
        names = content[at:at + name_bytes].decode().split("\0")
        at += name_bytes
        records.append(Record(op, names, inode, offset, content[at:at + data_bytes], end_ns))
        at += data_bytes
    return records


class File:
    def __init__(self):
        self.synced = bytearray()
        self.changes = []  # (offset, bytes), or (size, None): cut off there; since the last sync, in order
        self.sizes = [0]   # that it had since the last sync; the last is what it has

    def write(self, offset, data):
        self.changes.append((offset, data))
        self.sizes.append(max(self.sizes[-1], offset + len(data)))

    def truncate(self, size):
        self.changes.append((size, None))
        self.sizes.append(size)

    def content(self):
        """What the process sees."""
        image = bytearray(self.synced)
        for offset, data in self.changes:
            put(image, offset, data)
        fit(image, self.sizes[-1])
        return image

    def sync(self):
        if self.changes:
            self.synced, self.changes, self.sizes = self.content(), [], [self.sizes[-1]]

    def content_after_cut(self, chance):
        if not self.changes:
            return self.synced
        kind = chance.randrange(4)
        if kind == 0:
            return self.synced
        if kind == 1:
            return self.content()
        image, moments, longest = bytearray(self.synced), {}, max(self.sizes)
        fit(image, max(longest, len(image)))
        for number, (offset, data) in enumerate(self.changes):
            end = max(longest, offset) if data is None else offset + len(data)
            for at in range(offset - offset % SECTOR, end, SECTOR):
                if at not in moments:
                    moments[at] = chance.randrange(len(self.changes) + 1)
                if number < moments[at]:
                    first, last = max(at, offset), min(at + SECTOR, end)
                    image[first:last] = bytes(last - first) if data is None else data[first - offset:last - offset]
        fit(image, chance.choice((self.sizes[0], self.sizes[-1], chance.choice(self.sizes))))
        return image


def put(image, offset, data):
    if data is None:
        del image[offset:]
        return
    if len(image) < offset:
        image.extend(bytes(offset - len(image)))
    image[offset:offset + len(data)] = data


def fit(image, size):
    del image[size:]
    image.extend(bytes(size - len(image)))


class Folder:
    def __init__(self):
        self.synced = {}   # name: File or Folder
        self.changes = []  # each a list of (name, node or None), done in one step; since the last sync
        self.entries = {}  # what the process sees

    def change(self, *steps):
        self.changes.append(steps)
        do_steps(self.entries, steps)

    def sync(self):
        self.synced, self.changes = dict(self.entries), []

    def entries_after_cut(self, chance):
        count = chance.choice((0, len(self.changes), chance.randrange(len(self.changes) + 1)))
        entries = dict(self.synced)
        for steps in self.changes[:count]:
            do_steps(entries, steps)
        return entries


def do_steps(entries, steps):
    for name, node in steps:
        if node is None:
            entries.pop(name, None)
        else:
            entries[name] = node


class Disk:
    """The folder of the shim, which is on the disk and was empty when the trace began."""

    def __init__(self):
        self.root = Folder()
        self.nodes = {}  # by inode; a file that was removed gives its number to another

    def parent(self, name):
        """The folder that an entry is in, and the entry's name there."""
        node = self.root
        *parts, last = name.split("/")
        for part in parts:
            node = node.entries[part]
        return node, last

    def add(self, name, node, inode):
        folder, last = self.parent(name)
        folder.change((last, node))
        self.nodes[inode] = node

    def rename(self, old, new):
        from_folder, from_name = self.parent(old)
        to_folder, to_name = self.parent(new)
        if from_folder is not to_folder:
            raise ValueError(f"a rename from one folder to another has no model here: {old} to {new}")
        from_folder.change((from_name, None), (to_name, from_folder.entries[from_name]))

    def apply(self, record):
        op, names = record.op, record.names
        if op in (WRITE, MAPPED):
            self.nodes[record.inode].write(record.offset, record.data)
        elif op == TRUNCATE:
            self.nodes[record.inode].truncate(record.offset)
        elif op in (SYNC, SYNC_DIR):
            node = self.root if record.inode not in self.nodes and op == SYNC_DIR else self.nodes[record.inode]
            node.sync()
        elif op in (CREATE, MKDIR):
            self.add(names[0], File() if op == CREATE else Folder(), record.inode)
        elif op == RENAME:
            self.rename(*names)
        elif op == LINK:
            folder, last = self.parent(names[0])
            other, name = self.parent(names[1])
            other.change((name, folder.entries[last]))
        elif op == REMOVE:
            folder, last = self.parent(names[0])
            folder.change((last, None))
        elif op != FAULT:
            raise ValueError(f"the process did something to {names[0]} that has no model here")

    def write_whole(self, path):
        write_tree(self.root, path, lambda folder: folder.entries, File.content)

    def write_cut(self, path, chance):
        write_tree(self.root, path, lambda folder: folder.entries_after_cut(chance),
                   lambda file: file.content_after_cut(chance))


def write_tree(folder, path, entries_of, content_of):
    os.makedirs(path, exist_ok=True)
    for name, node in entries_of(folder).items():
        inside = os.path.join(path, name)
        if isinstance(node, Folder):
            write_tree(node, inside, entries_of, content_of)
        else:
            with open(inside, "wb") as file:
                file.write(content_of(node))
