"""What a service logs: JSON lines on stdout, without secrets and without what people sent."""

from __future__ import annotations

import logging
import re
import sys
from typing import Final

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor, WrappedLogger

_URL_PASSWORD: Final = re.compile(r"(\w://[^/\s:@\"]*):[^@/\s\"]+@")
_PYDANTIC_INPUT: Final = re.compile(r"input_value=.*?, input_type=")
SECRET_NAMES: Final = frozenset({"password", "secret", "token", "authorization", "key", "api_key"})
_MASK: Final = "***"


def configure_logging(service: str, level: str) -> None:
    """Write JSON lines with UTC timestamps to stdout, from structlog and from every library's logger.

    Raises ``ValueError`` for an unknown level. Tracebacks carry no local variables.
    """
    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*before, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _masked,
                _one_line,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in ("faststream", "uvicorn", "uvicorn.error", "uvicorn.access"):
        library = logging.getLogger(name)
        library.handlers = []
        library.propagate = True
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    # Below that it names every file beside a followed log, and a recording may be called after a caller.
    logging.getLogger("watchfiles").setLevel(logging.WARNING)
    logging.captureWarnings(True)


def _named(service: str) -> Processor:
    def name(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
        return {**line, "service": service}

    return name


def _masked(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    return {name: _MASK if name.lower() in SECRET_NAMES else value for name, value in line.items()}


def _one_line(_logger: WrappedLogger, _method: str, line: EventDict) -> str:
    """Render; passwords in URLs and the inputs that pydantic quotes stay out, wherever they came from."""
    text = to_json(line, fallback=str).decode()
    return _PYDANTIC_INPUT.sub("input_type=", _URL_PASSWORD.sub(rf"\1:{_MASK}@", text))
