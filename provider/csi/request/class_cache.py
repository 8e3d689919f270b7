"""Parsed classes, by their text.

Each remount of each pod brings the text of its class again, about once a minute. The cache is
bounded by the memory that the parsed classes take, not by their number or text. A class with
problems is not kept.
"""

from collections import OrderedDict
from threading import Lock

from provider.csi.request.model import ClassSpec
from provider.csi.request.parameters import ClassText, parse_text

_MAX_BYTES = 4 * 1024 * 1024
_BYTES_PER_CHARACTER = 4
"""Of the key and of all that is made of the text: names are kept several times."""
_BYTES_PER_NODE = 512
"""Of a syntax tree of JMESPath, measured."""
_BYTES_PER_FILE = 1024
"""Of an object or an entry of `jmesPath` beside its texts."""
_BYTES_PER_PATTERN = 4096
_BYTES_PER_PATTERN_CHARACTER = 32
"""Of an entry of `jsonKeys`: a glob is a compiled regular expression."""


class ClassCache:
    """One for the process. Thread-safe: classes are parsed on the event loop and in threads."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self.weight = 0
        """Bytes that the classes take, estimated."""
        self._max_bytes = max_bytes
        self._classes: OrderedDict[ClassText, ClassSpec] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._classes)

    def __contains__(self, text: ClassText) -> bool:
        return text in self._classes

    def parse(self, text: ClassText) -> ClassSpec:
        """The class, parsed unless it is known; raises `InvalidSpec` with every problem."""
        with self._lock:
            if text in self._classes:
                self._classes.move_to_end(text)
                return self._classes[text]
        klass = parse_text(text)
        weight = _weight(text, klass)
        if weight > self._max_bytes // 4:
            return klass  # it would push out too many others
        with self._lock:
            if text not in self._classes:  # another thread may have parsed it meanwhile
                self._classes[text] = klass
                self.weight += weight
            while self.weight > self._max_bytes:
                self.weight -= _weight(*self._classes.popitem(last=False))
        return klass


def _weight(text: ClassText, klass: ClassSpec) -> int:
    weight = _BYTES_PER_FILE + _BYTES_PER_CHARACTER * text.characters
    for obj in klass.objects:
        patterns = obj.keys.patterns if obj.keys else ()
        weight += _BYTES_PER_FILE * (1 + len(obj.extractions))
        weight += _BYTES_PER_NODE * sum(one.expression.nodes for one in obj.extractions)
        weight += _BYTES_PER_PATTERN * len(patterns)
        weight += _BYTES_PER_PATTERN_CHARACTER * sum(map(len, patterns))
    return weight
