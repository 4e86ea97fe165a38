"""Django with its cache sessions on Redis, in one file. BENCH_REDIS: path of the Redis socket."""

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.urls import path

settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SESSION_COOKIE_NAME="session_id",
    CACHES={
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": f"unix://{os.environ['BENCH_REDIS']}",
        }
    },
)
django.setup()


def log_in(request: HttpRequest) -> JsonResponse:
    user = request.POST["username"]
    request.session.update(
        {"user": user, "address": "23 Dumbbell Lane", "payment": "card ending in 4872", "member_number": 4872}
    )
    return JsonResponse({"user": user})


def whoami(request: HttpRequest) -> JsonResponse:
    user = request.session.get("user")
    return JsonResponse(
        {"served_by": "django", "wristband": "sess_djan", "logbook": "hit", "user": user, "message": None}
    )


urlpatterns = [path("login", log_in), path("whoami", whoami)]
app = get_wsgi_application()
