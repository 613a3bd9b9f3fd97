"""The room apart in which a page of a stranger's PDF is drawn: a process of its own with little memory and time.

Run as `python -m services.applications.files.page_room PAGE`, the file on standard input. Writes the page as PNG, or
nothing, and leaves with a code. What a file does to its reader, it does to this process only.
"""

from __future__ import annotations

import io
import resource
import sys

import pypdfium2

MEMORY_BYTES = 1_073_741_824
CPU_SECONDS = 15
WIDTH_PIXELS = 1_400
MOST_PIXELS = 6_000_000
NO_SUCH_PAGE, BROKEN = 20, 21


def drawn(content: bytes, page_number: int) -> bytes:
    """Return one page (counted from 1) as PNG, wide enough to be read. Raises: IndexError, PdfiumError."""
    with pypdfium2.PdfDocument(content) as pdf:
        if not 1 <= page_number <= len(pdf):
            raise IndexError(page_number)
        page = pdf[page_number - 1]
        width, height = page.get_size()
        scale = min(WIDTH_PIXELS / max(width, 1), (MOST_PIXELS / max(width * height, 1)) ** 0.5)
        buffer = io.BytesIO()
        page.render(scale=scale, may_draw_forms=False).to_pil().save(buffer, "PNG")
        return buffer.getvalue()


def main() -> int:
    """Limit this process, read, draw, write."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    try:
        content = drawn(sys.stdin.buffer.read(), int(sys.argv[1]))
    except IndexError:
        return NO_SUCH_PAGE
    except (pypdfium2.PdfiumError, MemoryError, ValueError, OSError):
        return BROKEN
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
