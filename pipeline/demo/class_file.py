"""Small Java class files, written by hand: the demo's bundles are real without a Java compiler at build time.

Only what those classes need of the class file format (Java Virtual Machine Specification, chapter 4): public classes
with a constructor and methods without branches, so that no stack maps are needed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

_MAGIC = 0xCAFEBABE
_JAVA_8 = 52  # what ESF 5 runs on
_PUBLIC_SUPER = 0x0021
_PUBLIC = 0x0001
_UTF8, _CLASS, _STRING, _FIELD, _METHOD, _NAME_AND_TYPE = 1, 7, 8, 9, 10, 12


@dataclass
class ConstantPool:
    """Constants by number, each once."""

    _numbers: dict[bytes, int] = field(default_factory=dict)

    def _add(self, tag: int, body: bytes) -> int:
        return self._numbers.setdefault(bytes([tag]) + body, len(self._numbers) + 1)

    def utf8(self, text: str) -> int:
        """A text; ASCII only, where Java's own UTF-8 is the usual one."""
        return self._add(_UTF8, struct.pack(">H", len(text)) + text.encode("ascii"))

    def class_(self, name: str) -> int:
        """A class by its name with slashes."""
        return self._add(_CLASS, struct.pack(">H", self.utf8(name)))

    def string(self, text: str) -> int:
        """A String constant."""
        return self._add(_STRING, struct.pack(">H", self.utf8(text)))

    def member(self, owner: str, name: str, descriptor: str) -> int:
        """A method of a class, or a field when the descriptor is not one of a method."""
        pair = self._add(_NAME_AND_TYPE, struct.pack(">HH", self.utf8(name), self.utf8(descriptor)))
        tag = _METHOD if descriptor.startswith("(") else _FIELD
        return self._add(tag, struct.pack(">HH", self.class_(owner), pair))

    def render(self) -> bytes:
        """The pool as it stands in a class file."""
        return struct.pack(">H", len(self._numbers) + 1) + b"".join(self._numbers)


def activator(name: str, started: str, stopped: str) -> bytes:
    """A class that implements ``org.osgi.framework.BundleActivator`` and says so on standard output.

    Args:
        name: of the class, with slashes.
        started / stopped: what it prints when its bundle starts and stops.
    """
    pool = ConstantPool()
    head = struct.pack(">HHH", _PUBLIC_SUPER, pool.class_(name), pool.class_("java/lang/Object"))
    head += struct.pack(">HH", 1, pool.class_("org/osgi/framework/BundleActivator"))
    context = "(Lorg/osgi/framework/BundleContext;)V"
    methods = [
        _method(pool, "<init>", "()V", _constructor(pool), stack=1, local=1),
        _method(pool, "start", context, _prints(pool, started), stack=2, local=2),
        _method(pool, "stop", context, _prints(pool, stopped), stack=2, local=2),
    ]
    body = head + struct.pack(">HH", 0, len(methods)) + b"".join(methods) + struct.pack(">H", 0)
    return struct.pack(">IHH", _MAGIC, 0, _JAVA_8) + pool.render() + body


def _constructor(pool: ConstantPool) -> bytes:
    """aload_0; invokespecial Object.<init>; return."""
    return b"\x2a\xb7" + struct.pack(">H", pool.member("java/lang/Object", "<init>", "()V")) + b"\xb1"


def _prints(pool: ConstantPool, text: str) -> bytes:
    """getstatic System.out; ldc_w text; invokevirtual println; return."""
    return (
        b"\xb2"
        + struct.pack(">H", pool.member("java/lang/System", "out", "Ljava/io/PrintStream;"))
        + b"\x13"
        + struct.pack(">H", pool.string(text))
        + b"\xb6"
        + struct.pack(">H", pool.member("java/io/PrintStream", "println", "(Ljava/lang/String;)V"))
        + b"\xb1"
    )


def _method(pool: ConstantPool, name: str, descriptor: str, code: bytes, *, stack: int, local: int) -> bytes:
    attribute = struct.pack(">HHI", stack, local, len(code)) + code + struct.pack(">HH", 0, 0)
    head = struct.pack(">HHHH", _PUBLIC, pool.utf8(name), pool.utf8(descriptor), 1)
    return head + struct.pack(">HI", pool.utf8("Code"), len(attribute)) + attribute
