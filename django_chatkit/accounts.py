"""What the host's accounts do that ends their chats: who signs out, is shut out or has a new password keeps no session; who is
deleted leaves what ``ON_OWNER_DELETE`` says.

Cancelling asks upstream, so it is left to a worker, after the commit; here nothing waits for the network. One query finds
out whether the account has anybody live; a save that changes neither password nor ``is_active`` costs none.

Note [Remembered]
Django does not tell what a save changed, so each account remembers what it was loaded with: of the password a digest, so
that no second place holds its hash. What an account does not have, or has not loaded, it does not remember.

Note [Upgrades]
Who signs in with a password that an older hasher wrote gets a new hash of the same password. Django marks that as no
change (``_password`` is None), and saves this one field.
"""

import logging
from collections.abc import Collection, Sequence
from hashlib import sha256
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import is_password_usable
from django.contrib.auth.signals import user_logged_out
from django.db import router, transaction
from django.db.models import Q
from django.db.models.signals import post_init, post_save, pre_delete
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from . import conf, queue
from .models import EndUser
from .services import erasures

logger = logging.getLogger(__name__)

# Who asked for an erasure that nobody asked for by hand.
_ACCOUNT_DELETED = "the account was deleted"

_REMEMBERED = "_chatkit_loaded_with"
_UNKNOWN = object()


def connect() -> None:
    """Listen to what happens to accounts, of the user model and of every model made from it."""
    user_logged_out.connect(signed_out)
    for model in apps.get_models():
        if issubclass(model, get_user_model()):
            post_init.connect(loaded, sender=model)
            post_save.connect(saved, sender=model)
            pre_delete.connect(deleted, sender=model)


def signed_out(sender: Any, user: Any, **_: Any) -> None:
    """Have the sessions cancelled of who signs out, wherever else the account is still signed in."""
    if isinstance(user, get_user_model()):  # None where nobody was signed in
        _cancel_sessions(user, using=router.db_for_write(type(user), instance=user))


def loaded(sender: Any, instance: Any, **_: Any) -> None:
    """Remember what an account was loaded with."""
    instance.__dict__[_REMEMBERED] = _seen(instance)


def saved(
    sender: Any,
    instance: Any,
    created: bool,
    raw: bool,
    using: str,
    update_fields: Collection[str] | None,
    **_: Any,
) -> None:
    """Have the sessions cancelled of an account that was given another password, or was deactivated."""
    before, seen = instance.__dict__.get(_REMEMBERED, {}), _seen(instance)
    written = {name: seen[name] for name in seen if update_fields is None or name in update_fields}
    instance.__dict__[_REMEMBERED] = {**before, **written}
    if created or raw:
        return
    shut_out = before.get("is_active", True) and not written.get("is_active", True)
    if shut_out or _is_another_password(instance, before, written, update_fields):
        _cancel_sessions(instance, using=using)


def deleted(sender: Any, instance: Any, using: str, **_: Any) -> None:
    """Do as ``ON_OWNER_DELETE`` says with the chats of an account that is about to be deleted, and cancel its sessions.

    What is noted here is noted in the transaction of the deletion: one that is taken back takes it back. Of who is held
    everything is kept, and an erasure waits until the hold is lifted.
    """
    _cancel_sessions(instance, using=using)
    settings = conf.read()
    wish = settings.on_owner_delete
    theirs = Q(owner__in=[instance.pk])
    if not settings.user_id:
        # Named by the account's key; a sync that found them knows of no owner.
        theirs |= Q(owner=None, pk=str(instance.pk))
    owned = EndUser.objects.using(using).filter(theirs)
    remembered = owned.held() if wish == "detach" else owned
    # By their keys: MySQL updates no table that it has to look at meanwhile.
    users = list(remembered.values_list("pk", flat=True))
    if users:
        owned.filter(pk__in=users).update(former_owner=str(instance.pk))
    if wish == "erase":
        for user in users:
            _ask_for_erasure(user, using)


def _ask_for_erasure(user: str, using: str) -> None:
    """Note an erasure, which waits where its end user is held, and have a worker begin after the commit."""
    erasures.ask(user=user, as_=_ACCOUNT_DELETED, now=timezone.now(), waits_for_hold=True, using=using)
    transaction.on_commit(lambda: _erase(user, using), using=using, robust=True)


@sensitive_variables()  # where tasks run in the process that asks, our key is on its way to upstream
def _erase(user: str, using: str) -> None:
    try:
        queue.erase(user, using=using)
    except queue.Unavailable as error:
        logger.warning("%s Beat's next tick begins with the erasure of %r.", error, user)


def _seen(account: Any) -> dict[str, Any]:
    """Return what an account has in memory of the two fields. Note [Remembered]"""
    fields = account.__dict__  # a plain look would load what is deferred
    seen = {"is_active": fields["is_active"]} if "is_active" in fields else {}
    if "password" in fields:
        seen["password"] = sha256(repr(fields["password"]).encode()).digest()
    return seen


def _is_another_password(
    account: Any, before: dict[str, Any], written: dict[str, Any], update_fields: Collection[str] | None
) -> bool:
    if "password" not in written or written["password"] == before.get("password"):
        return False
    set_by_somebody = getattr(account, "_password", _UNKNOWN) is not None
    if set_by_somebody or not is_password_usable(account.password):
        return True
    is_upgrade = update_fields is not None and set(update_fields) == {"password"}  # Note [Upgrades]
    return "password" in before and not is_upgrade


def _cancel_sessions(account: Any, *, using: str) -> None:
    """Have a worker cancel what the account has opened until now."""
    now = timezone.now()
    # `in`, because nobody's end users are not those of an account without a key.
    live = EndUser.objects.using(using).live(now=now).filter(owner__in=[account.pk])
    if users := list(live.values_list("pk", flat=True)):
        # Whole seconds: who does two of these things at once asks once.
        before = int(now.timestamp()) + 1
        # What raises is logged and stops nobody; for the log Django wants a function's name, which no partial has.
        transaction.on_commit(lambda: _ask(users, before, using), using=using, robust=True)


@sensitive_variables()  # where tasks run in the process that asks, our key is on its way to upstream
def _ask(users: Sequence[str], before: int, using: str) -> None:
    try:
        for user in users:
            queue.cancel_sessions(user, before=before, using=using)
    except queue.Unavailable as error:
        logger.warning("%s The live sessions of %r end by themselves within 10 minutes.", error, users)
