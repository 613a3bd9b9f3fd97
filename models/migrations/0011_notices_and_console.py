"""Templates with versions, campaigns, consultations, staff accounts in depth, the health of providers."""

from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from app.ids import new_id
from json import dumps, loads
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import UniqueConstraint
from models.operations import Together

class Migration(migrations.Migration):
    dependencies = [('models', '0010_constraints')]

    initial = False

    operations = [
        Together([
        ops.CreateModel(
            name='AuditCheck',
            fields=[
                ('id', fields.IntField(primary_key=True, generated=False, unique=True, db_index=True)),
                ('status', fields.CharField(default='NONE', description='NONE RUNNING INTACT BROKEN', max_length=12)),
                ('seq', fields.BigIntField(default=0, description='checked up to here')),
                ('entry_hash', fields.CharField(default='', max_length=64)),
                ('head_seq', fields.BigIntField(default=0, description='where this check ends')),
                ('anchor_seq', fields.BigIntField(default=0, description='found intact by an earlier check; must still be there')),
                ('anchor_hash', fields.CharField(default='', max_length=64)),
                ('broken_at_seq', fields.BigIntField(null=True)),
                ('reason', fields.CharField(default='', max_length=24)),
                ('started_by', fields.CharField(default='', max_length=64)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('checked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'audit_check', 'app': 'models', 'pk_attr': 'id', 'table_description': 'The single row of the check of the audit chain: how far it came, and what it found.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='AudienceList',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('name', fields.CharField(max_length=100)),
                ('uploaded_by', fields.CharField(max_length=64)),
                ('divisions', fields.JSONField(default=list, description='prefixes that its uploader covers; nobody else is on it', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('status', fields.CharField(default='READING', description='READING READY BROKEN', max_length=8)),
                ('fault', fields.CharField(default='', description='why it is BROKEN', max_length=100)),
                ('sha256', fields.CharField(max_length=64)),
                ('lines', fields.IntField(default=0)),
                ('matched', fields.IntField(default=0)),
                ('unknown', fields.IntField(default=0, description='well-formed, but nobody here is meant')),
                ('doubled', fields.IntField(default=0)),
                ('bad_lines', fields.JSONField(default=list, description='the first 200: line number and fault, never the content', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('bad', fields.IntField(default=0)),
            ],
            options={'table': 'audience_list', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A list of people that staff uploaded: how many lines were understood, and what was wrong with the others.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='AudienceMember',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('list_id', fields.UUIDField()),
                ('citizen_id', fields.UUIDField()),
            ],
            options={'table': 'audience_member', 'app': 'models', 'unique_together': (('list_id', 'citizen_id'),), 'pk_attr': 'id', 'table_description': 'One person on an uploaded list.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Campaign',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('campaign_no', fields.CharField(unique=True, max_length=24)),
                ('title', fields.CharField(max_length=64)),
                ('template_code', fields.CharField(max_length=64)),
                ('template_version', fields.IntField()),
                ('variables', fields.JSONField(default=dict, description='what staff filled in', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('audience', fields.JSONField(default=dict, description='criteria; empty for a list', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('list_id', fields.UUIDField(null=True, description='the uploaded list of people')),
                ('divisions', fields.JSONField(default=list, description='prefixes that its author covers', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('status', fields.CharField(default='DRAFT', description='DRAFT WAITING APPROVED EXPANDING SENDING PAUSED FINISHED CANCELLED', max_length=12)),
                ('version', fields.IntField(default=1)),
                ('scheduled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('rate_per_second', fields.IntField(default=100)),
                ('estimated', fields.IntField(null=True)),
                ('estimated_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('is_estimate_exact', fields.BooleanField(default=True)),
                ('cursor', fields.UUIDField(null=True)),
                ('is_expanded', fields.BooleanField(default=False)),
                ('reason', fields.CharField(default='', description='of a refusal or a cancellation', max_length=500)),
                ('created_by', fields.CharField(max_length=64)),
                ('submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('approved_by', fields.CharField(default='', max_length=64)),
                ('approved_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('started_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={'table': 'campaign', 'app': 'models', 'indexes': [Index(fields=['status', 'scheduled_at']), Index(fields=['created_by', 'id'])], 'pk_attr': 'id', 'table_description': 'One message of staff to many people. `cursor` is the last citizen who has got a notice of it.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CampaignCount',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('campaign_id', fields.UUIDField()),
                ('shard', fields.SmallIntField()),
                ('status', fields.CharField(max_length=12)),
                ('channel', fields.CharField(default='', max_length=12)),
                ('reason', fields.CharField(default='', max_length=32)),
                ('notices', fields.BigIntField(default=0)),
            ],
            options={'table': 'campaign_count', 'app': 'models', 'unique_together': (('campaign_id', 'shard', 'status', 'channel', 'reason'),), 'pk_attr': 'id', 'table_description': 'How many notices of a campaign stand where. Several rows (shards) a state, so that writers do not queue.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CitizenTag',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('citizen_id', fields.UUIDField()),
                ('tag', fields.CharField(max_length=32)),
                ('source', fields.CharField(description='SELF, STAFF', max_length=8)),
            ],
            options={'table': 'citizen_tag', 'app': 'models', 'unique_together': (('citizen_id', 'tag', 'source'),), 'indexes': [Index(fields=['tag', 'citizen_id'])], 'pk_attr': 'id', 'table_description': 'One word about a person (退役军人, 高校毕业生): chosen by the person, or given by staff through a list.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Consultation',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('consultation_no', fields.CharField(unique=True, max_length=24)),
                ('citizen_id', fields.UUIDField(null=True, db_index=True)),
                ('identity_id', fields.UUIDField(null=True)),
                ('provider', fields.CharField(description='WECHAT, ALIPAY; where it was begun', max_length=16)),
                ('app_id', fields.CharField(default='', max_length=32)),
                ('subject', fields.CharField(default='', description="the platform's name for the person", max_length=128)),
                ('application_no', fields.CharField(default='', max_length=50)),
                ('item_code', fields.CharField(default='', max_length=64)),
                ('division_code', fields.CharField(default='', description='whose staff answers; empty = province', max_length=12)),
                ('department_code', fields.CharField(default='', max_length=18)),
                ('title', fields.CharField(default='', max_length=64)),
                ('status', fields.CharField(default='OPEN', description='OPEN (waits for staff) ANSWERED CLOSED', max_length=12)),
                ('officer', fields.CharField(default='', max_length=64)),
                ('asked_at', fields.DatetimeField(description="the person's newest message; the platform's 48 hours run from it", auto_now=False, auto_now_add=False)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('unread', fields.IntField(default=0, description='answers that the person has not seen')),
                ('version', fields.IntField(default=1)),
                ('updated_at', fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={'table': 'consultation', 'app': 'models', 'indexes': [Index(fields=['status', 'division_code', 'id']), Index(fields=['provider', 'app_id', 'subject'])], 'pk_attr': 'id', 'table_description': "One thread. `citizen_id` is empty while the platform's person has never signed in here."},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='ConsultationMessage',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('consultation_id', fields.UUIDField()),
                ('author_kind', fields.CharField(description='CITIZEN, STAFF, SYSTEM', max_length=8)),
                ('author', fields.CharField(default='', max_length=64)),
                ('kind', fields.CharField(default='text', description='text, image, other', max_length=8)),
                ('content_cipher', fields.BinaryField()),
                ('dedupe_key', fields.CharField(max_length=128)),
                ('delivery', fields.CharField(default='', description='of answers: QUEUED SENT (customer message) NOTICED UNKNOWN', max_length=12)),
                ('delivered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'consultation_message', 'app': 'models', 'unique_together': (('consultation_id', 'dedupe_key'),), 'indexes': [Index(fields=['consultation_id', 'id'])], 'pk_attr': 'id', 'table_description': "One message of a thread, encrypted. `dedupe_key` is the platform's message number or the client's key."},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='ProviderMinute',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('provider', fields.CharField(max_length=24)),
                ('minute_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('succeeded', fields.IntField(default=0)),
                ('failed', fields.IntField(default=0)),
                ('refused', fields.IntField(default=0, description='not made: the breaker was open')),
                ('slowest_ms', fields.IntField(default=0)),
                ('last_code', fields.CharField(default='', description='of the newest failure', max_length=64)),
            ],
            options={'table': 'provider_minute', 'app': 'models', 'unique_together': (('provider', 'minute_at'),), 'pk_attr': 'id', 'table_description': 'What calls to one provider came to within one minute, over all processes; kept for some days.'},
            bases=['Table'],
        ),
        ops.AddField(
            model_name='Citizen',
            name='birth_year',
            field=fields.SmallIntField(null=True, description='for age bands; the date itself stays encrypted'),
        ),
        ops.AddField(
            model_name='Citizen',
            name='division_code',
            field=fields.CharField(default='', description='home: chosen, else of the default address or ID number', db_default='', max_length=12),
        ),
        ops.AddIndex(
            model_name='Citizen',
            index=Index(fields=['division_code', 'id']),
        ),
        ops.AddField(
            model_name='Identity',
            name='withdrawn_at',
            field=fields.DatetimeField(null=True, description='consent withdrawn at the platform; void by signing in', auto_now=False, auto_now_add=False),
        ),
        ops.AlterField(
            model_name='Notice',
            name='status',
            field=fields.CharField(default='QUEUED', description='QUEUED SENT INBOX_ONLY FAILED SUPPRESSED EXPIRED', max_length=12),
        ),
        ops.AddField(
            model_name='Notice',
            name='campaign_id',
            field=fields.UUIDField(null=True, description='the mass push it belongs to'),
        ),
        ops.AddField(
            model_name='Notice',
            name='expires_at',
            field=fields.DatetimeField(null=True, description='when it is not worth telling any more', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Notice',
            name='pushed_by',
            field=fields.CharField(default='', description='member of staff who sent it', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Notice',
            name='reason',
            field=fields.CharField(default='', description='why not sent', db_default='', max_length=32),
        ),
        ops.AlterField(
            model_name='NoticeTemplate',
            name='statutory',
            field=fields.BooleanField(default=False, description='cannot be switched off'),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='edited_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='edited_by',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='enabled_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='lifetime_hours',
            field=fields.IntField(null=True, description='not worth telling afterwards'),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='on_unknown',
            field=fields.CharField(default='REPEAT', description='after a time-out: REPEAT, NEXT, STOP', db_default='REPEAT', max_length=12),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='status',
            field=fields.CharField(default='ENABLED', description='DRAFT, ENABLED, RETIRED', db_default='ENABLED', max_length=12),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='topic',
            field=fields.CharField(default='case', description='what people can switch off together', db_default='case', max_length=16),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='urgent',
            field=fields.BooleanField(default=False, description='also at night', db_default=False),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='used_for',
            field=fields.CharField(default='EVENT', description='EVENT, PUSH (one person), CAMPAIGN (many)', db_default='EVENT', max_length=12),
        ),
        ops.AddField(
            model_name='NoticeTemplate',
            name='variables',
            field=fields.JSONField(default=list, description='name, title, sample, longest', db_default='[]', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.RunSQL(
            [
                "UPDATE notice_template SET status = 'RETIRED' WHERE NOT enabled",
                "UPDATE notice_template a SET status = 'RETIRED' WHERE EXISTS (SELECT 1 FROM notice_template b"
                " WHERE b.code = a.code AND b.status = 'ENABLED' AND b.version > a.version)",
            ]
        ),
        ops.RemoveField(model_name='NoticeTemplate', name='enabled'),
        ops.AddConstraint(
            model_name='NoticeTemplate',
            constraint=UniqueConstraint(fields=('code',), name='notice_template_one_enabled', condition="status = 'ENABLED'"),
        ),
        ops.AddField(
            model_name='Shipment',
            name='department_code',
            field=fields.CharField(default='', db_default='', max_length=18),
        ),
        ops.AddField(
            model_name='Shipment',
            name='division_code',
            field=fields.CharField(default='', description='of the body that sends it', db_default='', max_length=12),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='created_by',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='former_hashes',
            field=fields.JSONField(default=list, description='the last passwords', db_default='[]', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='password_is_first',
            field=fields.BooleanField(default=False, description='handed out by somebody else; to be changed at once', db_default=False),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='signed_in_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='totp_pending_cipher',
            field=fields.BinaryField(null=True, description='shown as QR, not proved yet'),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='totp_set_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='StaffMember',
            name='version',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='StaffSession',
            name='address',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='StaffSession',
            name='agent',
            field=fields.CharField(default='', description='browser, as it names itself', db_default='', max_length=100),
        ),
        ops.AddField(
            model_name='StaffSession',
            name='kind',
            field=fields.CharField(default='FULL', description='FULL; SETUP may only set password and TOTP', db_default='FULL', max_length=8),
        ),
        ]),
    ]
