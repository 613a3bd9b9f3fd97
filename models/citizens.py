"""Citizens (自然人), the platform identities by which they sign in, their sessions and addresses."""

from __future__ import annotations

from tortoise import fields
from tortoise.migrations.constraints import UniqueConstraint
from tortoise.models import Model

from models.base import Table


class Citizen(Table):
    """One person. Name, ID number and phone are encrypted; the hashes find them; the masked copies are for lists."""

    status = fields.CharField(max_length=16, default="ACTIVE", description="ACTIVE, MERGED, CLOSED")
    real_name_level = fields.CharField(max_length=2, default="L0")
    name_cipher = fields.BinaryField(null=True)
    name_masked = fields.CharField(max_length=64, default="")
    id_number_cipher = fields.BinaryField(null=True)
    id_number_hash = fields.CharField(max_length=64, null=True)
    id_number_masked = fields.CharField(max_length=18, default="")
    phone_cipher = fields.BinaryField(null=True)
    phone_hash = fields.CharField(max_length=64, null=True)
    phone_masked = fields.CharField(max_length=16, default="")
    phone_bound_at = fields.DatetimeField(null=True)
    real_name_at = fields.DatetimeField(null=True)
    merged_into_id = fields.UUIDField(null=True)
    preferences = fields.JSONField(default=dict)
    division_code = fields.CharField(
        max_length=12, default="", db_default="", description="home: chosen, else of the default address or ID number"
    )
    birth_year = fields.SmallIntField(null=True, description="for age bands; the date itself stays encrypted")
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "citizen"
        constraints = (
            UniqueConstraint(
                fields=("id_number_hash",), name="citizen_one_per_id_number", condition="status <> 'MERGED'"
            ),
        )
        indexes = (("phone_hash",), ("division_code", "id"))


class Identity(Table):
    """One sign-in identity: (provider, app id, openid or open_id) → citizen."""

    citizen_id = fields.UUIDField(db_index=True)
    provider = fields.CharField(max_length=16, description="WECHAT, ALIPAY")
    app_id = fields.CharField(max_length=32)
    subject = fields.CharField(max_length=128, description="openid (WeChat) or open_id / user_id (Alipay)")
    union_id = fields.CharField(max_length=128, null=True)
    user_id = fields.CharField(max_length=32, null=True, description="Alipay 2088…, old apps only")
    session_key_cipher = fields.BinaryField(null=True)
    previous_session_key_cipher = fields.BinaryField(null=True)
    signed_in_at = fields.DatetimeField()
    withdrawn_at = fields.DatetimeField(null=True, description="consent withdrawn at the platform; void by signing in")

    class Meta:
        table = "identity"
        unique_together = (("provider", "app_id", "subject"),)


class CitizenSession(Table):
    """One sign-in of an identity; refresh tokens hang on it, revoking it ends them all."""

    citizen_id = fields.UUIDField(db_index=True)
    identity_id = fields.UUIDField(db_index=True)
    provider = fields.CharField(max_length=16)
    expires_at = fields.DatetimeField()
    revoked_at = fields.DatetimeField(null=True)
    revoked_reason = fields.CharField(max_length=32, default="")

    class Meta:
        table = "citizen_session"


class RefreshToken(Table):
    """One link of a session's rotation chain, by hash only. A used one presented again is theft."""

    session_id = fields.UUIDField(db_index=True)
    token_hash = fields.CharField(max_length=64, unique=True)
    expires_at = fields.DatetimeField()
    used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "refresh_token"


class RealNameCheck(Table):
    """One check of name and ID number with an authority; kept as evidence."""

    citizen_id = fields.UUIDField(db_index=True)
    identity_id = fields.UUIDField()
    provider = fields.CharField(max_length=16)
    reference = fields.CharField(max_length=64, default="", description="certify_id of Alipay")
    name_cipher = fields.BinaryField()
    id_number_cipher = fields.BinaryField()
    id_number_hash = fields.CharField(max_length=64)
    status = fields.CharField(max_length=12, default="PENDING", description="PENDING, PASSED, FAILED")
    finished_at = fields.DatetimeField(null=True)

    class Meta:
        table = "real_name_check"


class PhoneProof(Model):
    """A phone proof that was used: Alipay's payload is the same bytes every time, so nobody else may bring it again."""

    proof_hash = fields.CharField(max_length=64, primary_key=True)
    citizen_id = fields.UUIDField()
    used_at = fields.DatetimeField()

    class Meta:
        table = "phone_proof"


class CitizenMerge(Table):
    """History: the identities and drafts of one citizen moved to another who proved the same ID number."""

    from_citizen_id = fields.UUIDField(db_index=True)
    into_citizen_id = fields.UUIDField(db_index=True)
    reason = fields.CharField(max_length=64)
    moved = fields.JSONField(default=dict)

    class Meta:
        table = "citizen_merge"


class Address(Table):
    """A delivery address of the citizen's book; name, phone and street are encrypted together."""

    citizen_id = fields.UUIDField(db_index=True)
    division_code = fields.CharField(max_length=12)
    content_cipher = fields.BinaryField()
    shown = fields.CharField(max_length=128, description="masked line for lists")
    is_default = fields.BooleanField(default=False)
    updated_at = fields.DatetimeField(auto_now=True)

    class Meta:
        table = "address"
        constraints = (UniqueConstraint(fields=("citizen_id",), name="address_one_default", condition="is_default"),)
