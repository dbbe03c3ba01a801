"""The area to which every page of the classroom belongs, and the place where somebody is in it."""

from __future__ import annotations

from app.web.area import Area

area = Area("classroom", "/learn")
