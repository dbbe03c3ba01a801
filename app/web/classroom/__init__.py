"""The classroom: the courses that are open to a learner, their lessons and tests, and the library."""

from app.web.classroom import attempts, courses, guides, lessons
from app.web.classroom.routes import area

__all__ = ["area", "attempts", "courses", "guides", "lessons"]
