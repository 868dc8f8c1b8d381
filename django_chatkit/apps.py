"""The Django application."""

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class ChatKitConfig(AppConfig):
    """Register the app, its system checks and its tasks."""

    name = "django_chatkit"
    label = "django_chatkit"
    verbose_name = _("ChatKit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the checks, the tasks and the description of REST, and listen to accounts, once the apps are loaded.

        Columns are told here where the keys of encryption are read: no query could hand them over.

        Celery finds tasks by itself in a worker only; a web process that asks for one by its name needs to know it
        too, or CELERY_TASK_ALWAYS_EAGER is passed by.
        """
        sealing, conf = (import_module(f"django_chatkit.{name}") for name in ("models.sealing", "conf"))
        sealing.keys_from(conf.encryption_keys)
        import_module("django_chatkit.checks")
        import_module("django_chatkit.tasks")
        import_module("django_chatkit.accounts").connect()
        if apps.is_installed("drf_spectacular"):
            import_module("django_chatkit.rest.schema")
