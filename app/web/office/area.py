"""The area to which every page of the office belongs."""

from app.web.area import Area

area = Area("office", "/office")
