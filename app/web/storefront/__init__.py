"""The storefront: what a visitor sees before signing in; none of its pages touches the session."""

from app.web.storefront import courses, home, prices, promises, reading, searching, sectors
from app.web.storefront.routes import area

__all__ = ["area", "courses", "home", "prices", "promises", "reading", "searching", "sectors"]
