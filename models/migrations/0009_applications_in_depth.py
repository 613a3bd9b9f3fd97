"""Cases, packages, agents, ratings, department systems and licences in depth."""

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
    dependencies = [('models', '0008_bills_of_before')]

    initial = False

    operations = [
        Together([
        ops.CreateModel(
            name='Assistance',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('assistance_no', fields.CharField(unique=True, max_length=32)),
                ('staff_username', fields.CharField(db_index=True, max_length=64)),
                ('citizen_id', fields.UUIDField(null=True, db_index=True)),
                ('staff_shown', fields.CharField(description='display name, as the citizen and the timeline see it', max_length=64)),
                ('item_code', fields.CharField(max_length=64)),
                ('item_name', fields.CharField(max_length=200)),
                ('code_hash', fields.CharField(unique=True, max_length=64)),
                ('consent_text_sha256', fields.CharField(default='', max_length=64)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('consented_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('may_submit', fields.BooleanField(default=False, description='the consent covers handing in as well')),
                ('declined_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('ended_by', fields.CharField(default='', description='CITIZEN, STAFF, SYSTEM, SUBMITTED', max_length=12)),
                ('application_no', fields.CharField(default='', max_length=50)),
            ],
            options={'table': 'assistance', 'app': 'models', 'pk_attr': 'id', 'table_description': 'A member of staff helps a citizen to file one item (帮办), once the citizen has consented on their own phone.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CalendarDay',
            fields=[
                ('day', fields.DateField(primary_key=True, unique=True, db_index=True)),
                ('is_working', fields.BooleanField()),
                ('source', fields.CharField(max_length=100)),
            ],
            options={'table': 'calendar_day', 'app': 'models', 'pk_attr': 'day', 'table_description': 'One day that the published plan of holidays (放假安排) names, for years that the library does not know yet.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='CaseAssignment',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField(db_index=True)),
                ('kind', fields.CharField(description='CLAIM, RELEASE, ASSIGN, TRANSFER, HAND_OVER', max_length=12)),
                ('from_officer', fields.CharField(default='', max_length=64)),
                ('to_officer', fields.CharField(default='', max_length=64)),
                ('from_body', fields.CharField(default='', description='division/department before a hand-over', max_length=32)),
                ('to_body', fields.CharField(default='', max_length=32)),
                ('reason', fields.CharField(default='', max_length=500)),
                ('by_staff', fields.CharField(max_length=64)),
            ],
            options={'table': 'case_assignment', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One change of who has a case: claim, release, assign, transfer, hand-over to another body. Append-only.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CaseDocument',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField(db_index=True)),
                ('kind', fields.CharField(max_length=24)),
                ('document_no', fields.CharField(unique=True, max_length=64)),
                ('title', fields.CharField(max_length=64)),
                ('issued_on', fields.DateField()),
                ('issuer_code', fields.CharField(max_length=18)),
                ('facts', fields.JSONField(default=dict, description='what is printed, without personal data', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('storage_key', fields.CharField(default='', max_length=200)),
                ('sha256', fields.CharField(default='', max_length=64)),
            ],
            options={'table': 'case_document', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One written document (文书) of a case; the number and the move it belongs to commit together.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CasePromise',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField(db_index=True)),
                ('material_code', fields.CharField(default='', description='empty: for the whole case', max_length=64)),
                ('kind', fields.CharField(description='PROMISE, LATER', max_length=8)),
                ('text', fields.TextField(unique=False)),
                ('text_sha256', fields.CharField(max_length=64)),
                ('signed_by', fields.UUIDField(db_index=True)),
                ('signed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('withdrawn_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('checked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('was_false', fields.BooleanField(null=True)),
            ],
            options={'table': 'case_promise', 'app': 'models', 'unique_together': (('application_id', 'material_code', 'kind'),), 'pk_attr': 'id', 'table_description': 'A signed promise (告知承诺 or 容缺承诺): the text that was shown, by hash, and what became of it.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='CaseReview',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField(db_index=True)),
                ('step', fields.CharField(max_length=32)),
                ('action', fields.CharField(description='PASS, RETURN, OTHER', max_length=12)),
                ('opinion', fields.CharField(default='', max_length=500)),
                ('officer', fields.CharField(max_length=64)),
                ('begun_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'case_review', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One step of the examination (审查, 审核, 现场勘验): who, what they found, when. Append-only.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='DepartmentSystem',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('code', fields.CharField(unique=True, max_length=32)),
                ('name', fields.CharField(max_length=64)),
                ('departments', fields.JSONField(default=list, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('item_codes', fields.JSONField(default=list, description='empty = every item of its departments', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('event_url', fields.CharField(default='', description='where events go; empty = it pulls only', max_length=300)),
                ('status', fields.CharField(default='ACTIVE', max_length=12)),
            ],
            options={'table': 'department_system', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One system that pulls cases and pushes their progress, with the departments it may see.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='DocumentSerial',
            fields=[
                ('key', fields.CharField(primary_key=True, unique=True, db_index=True, description='issuer, kind and year', max_length=64)),
                ('given', fields.IntField(default=0)),
            ],
            options={'table': 'document_serial', 'app': 'models', 'pk_attr': 'key', 'table_description': 'The last number given of a body, kind and year; locked while the next one is given.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='DueCard',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField()),
                ('stage', fields.CharField(description='RECEIPT, REVIEW, DELIVERY, ...', max_length=16)),
                ('colour', fields.CharField(description='YELLOW, RED', max_length=8)),
                ('due_on', fields.DateField()),
                ('officer', fields.CharField(default='', max_length=64)),
                ('division_code', fields.CharField(max_length=12)),
                ('department_code', fields.CharField(max_length=18)),
                ('settled_at', fields.DatetimeField(null=True, description='when the stage ended', auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'due_card', 'app': 'models', 'unique_together': (('application_id', 'stage', 'colour'),), 'indexes': [Index(fields=['division_code', 'settled_at', 'id'])], 'pk_attr': 'id', 'table_description': 'A yellow or red card (电子监察): once per case and stage, to the officer and the chief.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Enterprise',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('uscc', fields.CharField(unique=True, max_length=18)),
                ('name', fields.CharField(max_length=200)),
                ('profile_cipher', fields.BinaryField(null=True, description='answers that forms may be filled with (一企一档)')),
            ],
            options={'table': 'enterprise', 'app': 'models', 'pk_attr': 'id', 'table_description': 'An enterprise by its credit code (统一社会信用代码), which is public.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='InstantDecision',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('application_id', fields.UUIDField(db_index=True)),
                ('case_version', fields.IntField()),
                ('rule_code', fields.CharField(max_length=64)),
                ('rule_version', fields.IntField()),
                ('rule_sha256', fields.CharField(max_length=64)),
                ('inputs_cipher', fields.BinaryField(description='values with source and time, encrypted')),
                ('verdict', fields.CharField(description='GRANT, PERSON', max_length=12)),
                ('explanation', fields.JSONField(default=list, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
            ],
            options={'table': 'instant_decision', 'app': 'models', 'unique_together': (('application_id', 'case_version'),), 'pk_attr': 'id', 'table_description': 'One run of the rules (智慧审批): which version, on which inputs, what came out and why. Append-only.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='InstantRule',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('rule_code', fields.CharField(max_length=64)),
                ('rule_version', fields.IntField()),
                ('sha256', fields.CharField(max_length=64)),
                ('record', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('is_current', fields.BooleanField(default=True)),
            ],
            options={'table': 'instant_rule', 'app': 'models', 'unique_together': (('rule_code', 'rule_version'),), 'pk_attr': 'id', 'table_description': 'One version of a rule (智慧审批) as it was loaded; versions stay, so that a decision can be explained later.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='LicenceChange',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('licence_id', fields.UUIDField(db_index=True)),
                ('change', fields.CharField(max_length=16)),
                ('from_status', fields.CharField(max_length=12)),
                ('to_status', fields.CharField(max_length=12)),
                ('reason', fields.CharField(default='', max_length=500)),
                ('actor', fields.CharField(max_length=64)),
            ],
            options={'table': 'licence_change', 'app': 'models', 'pk_attr': 'id', 'table_description': "One change of a licence's status or version: what, by whom, why. Append-only."},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='LicenceType',
            fields=[
                ('code', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=21)),
                ('name', fields.CharField(max_length=100)),
                ('record', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('content_hash', fields.CharField(max_length=64)),
            ],
            options={'table': 'licence_type', 'app': 'models', 'pk_attr': 'code', 'table_description': 'A kind of licence as configuration: its fields, validity, what a verifier may see, when to remind.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Mandate',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('mandate_no', fields.CharField(unique=True, max_length=32)),
                ('principal_citizen_id', fields.UUIDField(null=True, db_index=True)),
                ('principal_enterprise_id', fields.UUIDField(null=True, db_index=True)),
                ('granted_by', fields.UUIDField()),
                ('agent_id', fields.UUIDField(null=True, db_index=True, description='known once the agent has taken it up')),
                ('agent_hash', fields.CharField(description='of the ID number that the principal named', max_length=64)),
                ('agent_shown', fields.CharField(max_length=64)),
                ('item_codes', fields.JSONField(default=list, description='empty = every item', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('from_on', fields.DateField()),
                ('until_on', fields.DateField()),
                ('accepted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('declined_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'mandate', 'app': 'models', 'indexes': [Index(fields=['agent_hash'])], 'pk_attr': 'id', 'table_description': 'An authorisation (授权): a citizen or an enterprise lets an agent act, for some items and some time.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='PackageCase',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('package_no', fields.CharField(unique=True, max_length=50)),
                ('citizen_id', fields.UUIDField()),
                ('provider', fields.CharField(max_length=16)),
                ('package_code', fields.CharField(max_length=64)),
                ('package_version', fields.IntField()),
                ('package_name', fields.CharField(max_length=200)),
                ('division_code', fields.CharField(max_length=12)),
                ('status', fields.CharField(default='DRAFT', description='DRAFT, HANDLING, DELIVERING, CLOSED', max_length=16)),
                ('version', fields.IntField(default=1)),
                ('form', fields.JSONField(default=dict, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('form_cipher', fields.BinaryField(null=True)),
                ('materials', fields.JSONField(default=list, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('chosen', fields.JSONField(default=list, description='optional items that the citizen added', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('reason', fields.CharField(default='', description='of the withdrawal', max_length=200)),
                ('submitted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('withdrawn_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('promised_due_on', fields.DateField(null=True)),
                ('rated_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=True, auto_now_add=False)),
            ],
            options={'table': 'package_case', 'app': 'models', 'indexes': [Index(fields=['citizen_id', 'id']), Index(fields=['status', 'updated_at'])], 'pk_attr': 'id', 'table_description': 'One package that a citizen files; its parts become applications of their own.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='PackagePart',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('package_case_id', fields.UUIDField()),
                ('item_code', fields.CharField(max_length=64)),
                ('position', fields.IntField()),
                ('depends_on', fields.JSONField(default=list, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('status', fields.CharField(default='WAITING', description='WAITING, ASKED, STARTED, DONE, FAILED, SKIPPED', max_length=12)),
                ('application_no', fields.CharField(null=True, unique=True, max_length=50)),
            ],
            options={'table': 'package_part', 'app': 'models', 'unique_together': (('package_case_id', 'item_code'),), 'pk_attr': 'id', 'table_description': 'One item of a package case: what it waits for, and the application that it became.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Rating',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('subject_no', fields.CharField(unique=True, description='case or package', max_length=50)),
                ('citizen_id', fields.UUIDField()),
                ('item_code', fields.CharField(max_length=64)),
                ('item_name', fields.CharField(max_length=200)),
                ('division_code', fields.CharField(max_length=12)),
                ('department_code', fields.CharField(max_length=18)),
                ('officer', fields.CharField(default='', max_length=64)),
                ('grade', fields.IntField(description='5 非常满意 ... 1 非常不满意')),
                ('tags', fields.JSONField(default=list, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('comment_cipher', fields.BinaryField(null=True)),
                ('supplement_cipher', fields.BinaryField(null=True)),
                ('supplemented_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('provider', fields.CharField(max_length=16)),
                ('excluded_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('excluded_by', fields.CharField(default='', max_length=64)),
                ('excluded_reason', fields.CharField(default='', max_length=500)),
            ],
            options={'table': 'rating', 'app': 'models', 'indexes': [Index(fields=['department_code', 'id']), Index(fields=['item_code', 'id']), Index(fields=['division_code', 'id'])], 'pk_attr': 'id', 'table_description': 'One rating of a closed case or package; never edited, only excluded after a check, with the reason.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='RatingFollowUp',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('rating_id', fields.UUIDField(unique=True)),
                ('status', fields.CharField(default='OPEN', max_length=12)),
                ('version', fields.IntField(default=1)),
                ('handler', fields.CharField(default='', max_length=64)),
                ('is_complex', fields.BooleanField(default=False)),
                ('contact_due_on', fields.DateField()),
                ('correct_due_on', fields.DateField()),
                ('contacted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('answer', fields.CharField(default='', max_length=1000)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('appealed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('called_back_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('was_content', fields.BooleanField(null=True)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'rating_follow_up', 'app': 'models', 'indexes': [Index(fields=['status', 'contact_due_on'])], 'pk_attr': 'id', 'table_description': 'What is done about a low rating: contact, correction, call-back, each by its day.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='RatingTally',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('department_code', fields.CharField(max_length=18)),
                ('division_code', fields.CharField(max_length=12)),
                ('item_code', fields.CharField(max_length=64)),
                ('month', fields.CharField(max_length=7)),
                ('grade', fields.IntField()),
                ('total', fields.IntField(default=0)),
            ],
            options={'table': 'rating_tally', 'app': 'models', 'unique_together': (('department_code', 'item_code', 'month', 'grade'),), 'pk_attr': 'id', 'table_description': 'Public figures: how many ratings of each grade a department has for an item, kept with every rating.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='Representative',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('enterprise_id', fields.UUIDField()),
                ('citizen_id', fields.UUIDField(db_index=True)),
                ('source', fields.CharField(description='who confirmed it', max_length=24)),
                ('confirmed_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('ended_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'representative', 'app': 'models', 'constraints': [UniqueConstraint(fields=('enterprise_id', 'citizen_id'), name='representative_once', condition='ended_at IS NULL')], 'pk_attr': 'id', 'table_description': 'A citizen who is the legal representative (法定代表人) of an enterprise, as an authority confirmed.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SystemEvent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('system_id', fields.UUIDField()),
                ('event_no', fields.CharField(unique=True, max_length=64)),
                ('kind', fields.CharField(max_length=48)),
                ('subject_no', fields.CharField(max_length=50)),
                ('content', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('occurred_at', fields.DatetimeField(description='when it happened; events of one case go out in this order', auto_now=False, auto_now_add=False)),
                ('status', fields.CharField(default='WAITING', description='WAITING, SENT, FAILED, SKIPPED', max_length=12)),
                ('attempts', fields.IntField(default=0)),
                ('next_try_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('first_tried_at', fields.DatetimeField(null=True, description='tries end a day after it', auto_now=False, auto_now_add=False)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('last_error', fields.CharField(default='', max_length=200)),
            ],
            options={'table': 'system_event', 'app': 'models', 'indexes': [Index(fields=['status', 'next_try_at']), Index(fields=['system_id', 'subject_no', 'occurred_at'])], 'pk_attr': 'id', 'table_description': 'One event for a system: waiting, sent, or given up after the last try.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SystemKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('key_id', fields.CharField(unique=True, max_length=64)),
                ('system_id', fields.UUIDField(db_index=True)),
                ('algorithm', fields.CharField(description='hmac-sha256, ed25519', max_length=16)),
                ('secret_cipher', fields.BinaryField(null=True, description='shared secret or own private key, encrypted')),
                ('public_key', fields.TextField(default='', description='PEM of an Ed25519 key', unique=False)),
                ('signs_events', fields.BooleanField(default=False, description='whether our events to it are signed with this')),
                ('retired_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'system_key', 'app': 'models', 'pk_attr': 'id', 'table_description': 'One key of a system, for its requests or for our events to it, never both; several at once while keys change.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SystemMessage',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('system_id', fields.UUIDField()),
                ('message_no', fields.CharField(max_length=64)),
                ('kind', fields.CharField(description='ACCEPTANCE, PROCESS, RESULT', max_length=12)),
                ('application_no', fields.CharField(db_index=True, max_length=50)),
                ('content', fields.JSONField(encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('content_sha256', fields.CharField(max_length=64)),
                ('outcome', fields.CharField(default='', description='status of the case after it', max_length=64)),
                ('answer', fields.JSONField(default=dict, description='what was answered; the same message gets it again', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
            ],
            options={'table': 'system_message', 'app': 'models', 'unique_together': (('system_id', 'message_no'),), 'pk_attr': 'id', 'table_description': 'One of the three case messages (受理, 过程, 结果) that a system pushed, once by its own number.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='SystemNonce',
            fields=[
                ('key', fields.CharField(primary_key=True, unique=True, db_index=True, description='key id and nonce', max_length=128)),
                ('used_at', fields.DatetimeField(db_index=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'system_nonce', 'app': 'models', 'pk_attr': 'key', 'table_description': 'A nonce that a system has used; the same again is a replay.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='DeliveryChoice',
            name='together_no',
            field=fields.CharField(default='', description='what it shares one parcel with: a package case', db_default='', max_length=50),
        ),
        ops.AddField(
            model_name='Application',
            name='agent_id',
            field=fields.UUIDField(null=True, description='the citizen who acts for citizen_id or the enterprise'),
        ),
        ops.AddField(
            model_name='Application',
            name='assisted_by',
            field=fields.CharField(default='', description='member of staff who helped to file (帮办)', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Application',
            name='claimed_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Application',
            name='correction_points',
            field=fields.JSONField(default=list, description='what the last notice lists', db_default='[]', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.AddField(
            model_name='Application',
            name='corrections',
            field=fields.IntField(default=0, description='correction notices so far; the law knows one', db_default=0),
        ),
        ops.AddField(
            model_name='Application',
            name='due_soon_on',
            field=fields.DateField(null=True, description='from this day on the promised day is near (yellow card)'),
        ),
        ops.AddField(
            model_name='Application',
            name='enterprise_id',
            field=fields.UUIDField(null=True, description='the enterprise for which citizen_id files'),
        ),
        ops.AddField(
            model_name='Application',
            name='extension_days',
            field=fields.IntField(default=0, description='working days added to both due days by decision (延长审批)', db_default=0),
        ),
        ops.AddField(
            model_name='Application',
            name='intake_division_code',
            field=fields.CharField(default='', description='受理地: where it was handed in', db_default='', max_length=12),
        ),
        ops.AddField(
            model_name='Application',
            name='mandate_id',
            field=fields.UUIDField(null=True, description='by which authority the agent acts'),
        ),
        ops.AddField(
            model_name='Application',
            name='officer',
            field=fields.CharField(default='', description='username of who has claimed it', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Application',
            name='overdue_reason',
            field=fields.CharField(default='', description='told to the citizen', db_default='', max_length=500),
        ),
        ops.AddField(
            model_name='Application',
            name='package_no',
            field=fields.CharField(default='', description='the package case (一件事) it is a part of', db_default='', max_length=50),
        ),
        ops.AddField(
            model_name='Application',
            name='person_asked_at',
            field=fields.DatetimeField(null=True, description='the citizen wants a person to decide', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Application',
            name='rated_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Application',
            name='draft_reminded_at',
            field=fields.DatetimeField(null=True, description='when its end was told; void once it is touched', auto_now=False, auto_now_add=False),
        ),
        ops.AlterModelOptions(
            name='ApplicationMaterial',
            options={'table': 'application_material', 'app': 'models', 'unique_together': (('application_id', 'material_code', 'page'),), 'indexes': [Index(fields=['upload_id']), Index(fields=['source', 'due_on'])], 'pk_attr': 'id', 'table_description': 'One material of a case and what satisfies it: a file, a licence, an earlier material, a promise, later supply.'},
        ),
        ops.AlterField(
            model_name='ApplicationMaterial',
            name='upload_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='due_on',
            field=fields.DateField(null=True, description='by when it is supplied (容缺受理)'),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='material_name',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='reference',
            field=fields.CharField(default='', description='licence or earlier case it comes from', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='reference_hash',
            field=fields.CharField(default='', description='digest of what was seen there', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='seen_at',
            field=fields.DatetimeField(null=True, description='when the licence or the shared data was looked at', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='source',
            field=fields.CharField(default='UPLOAD', description='UPLOAD LICENCE SHARED EARLIER PROMISE LATER', db_default='UPLOAD', max_length=12),
        ),
        ops.AddField(
            model_name='ApplicationMaterial',
            name='supplied_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='Application',
            index=Index(fields=['department_code', 'updated_at', 'id']),
        ),
        ops.AddIndex(
            model_name='ApplicationMaterial',
            index=Index(fields=['upload_id']),
        ),
        ops.AddIndex(
            model_name='ApplicationMaterial',
            index=Index(fields=['source', 'due_on']),
        ),
        ops.AddField(
            model_name='ApplicationPause',
            name='expected_days',
            field=fields.IntField(null=True, description='working days that it should take, as told in writing'),
        ),
        ops.AddField(
            model_name='ApplicationPause',
            name='reason',
            field=fields.CharField(default='', db_default='', max_length=500),
        ),
        ops.AddField(
            model_name='ApplicationPause',
            name='result',
            field=fields.CharField(default='', db_default='', max_length=500),
        ),
        ops.AddField(
            model_name='Licence',
            name='content_cipher',
            field=fields.BinaryField(null=True, description='fields of its type, encrypted'),
        ),
        ops.AddField(
            model_name='Licence',
            name='enterprise_id',
            field=fields.UUIDField(null=True, db_index=True),
        ),
        ops.AddField(
            model_name='Licence',
            name='reminded_on',
            field=fields.DateField(null=True),
        ),
        ops.AddField(
            model_name='Licence',
            name='seal_no',
            field=fields.CharField(default='', description="of the seal's certificate", db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Licence',
            name='sealed_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Licence',
            name='superseded_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Licence',
            name='supersedes_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='Licence',
            name='seal_evidence',
            field=fields.TextField(default='', description="the authority's signed statement", db_default='', unique=False),
        ),
        ops.AlterField(
            model_name='LicenceShow',
            name='kind',
            field=fields.CharField(description='PRESENTED, ASKED, CONSENTED, REFUSED, VERIFIED, DOWNLOADED, COPIED', max_length=16),
        ),
        ops.AddField(
            model_name='LicenceShow',
            name='purpose',
            field=fields.CharField(default='', db_default='', max_length=100),
        ),
        ops.AddField(
            model_name='Presentation',
            name='in_advance',
            field=fields.BooleanField(default=True, description='the holder consents to the least by showing it', db_default=True),
        ),
        ops.AddField(
            model_name='Presentation',
            name='asked_fields',
            field=fields.JSONField(default=list, db_default='[]', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.AddField(
            model_name='Presentation',
            name='consented_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Presentation',
            name='fetched_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Presentation',
            name='purpose',
            field=fields.CharField(default='', db_default='', max_length=100),
        ),
        ops.AddField(
            model_name='Presentation',
            name='refused_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Presentation',
            name='verifier',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Presentation',
            name='verifier_hash',
            field=fields.CharField(default='', description='of the token that fetches the answer', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ServiceItem',
            name='feed',
            field=fields.CharField(default='', description='which feed or file set it came from', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ServiceItem',
            name='published_by',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ServiceItem',
            name='withdrawn_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.CreateModel(
            name='LifeEvent',
            fields=[
                ('name', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=32)),
                ('description', fields.CharField(default='', max_length=200)),
                ('icon', fields.CharField(default='', max_length=32)),
                ('position', fields.IntField(default=0)),
            ],
            options={'table': 'life_event', 'app': 'models', 'pk_attr': 'name', 'table_description': 'A life event (人生事件) under which citizens look for items and packages.'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Department',
            name='address',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='Department',
            name='short_name',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='ServiceItem',
            name='listed',
            field=fields.TextField(default='', description='the line of a list, as JSON', db_default='', unique=False),
        ),
        ops.AddField(
            model_name='ServiceItem',
            name='search',
            field=fields.JSONField(default=dict, description='its documents in the search index', db_default='{}', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.AddField(
            model_name='ServicePackage',
            name='search',
            field=fields.JSONField(default=dict, description='its documents in the search index', db_default='{}', encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads),
        ),
        ops.AddField(
            model_name='Upload',
            name='pages',
            field=fields.IntField(default=1, db_default=1),
        ),
        ops.AddField(
            model_name='Upload',
            name='scanned_at',
            field=fields.DatetimeField(null=True, description='when the virus scan let it pass', auto_now=False, auto_now_add=False),
        ),
        ]),
        # One version of a licence counts at a time; sweeps look for few among many; few cases are filed for others.
        ops.RunSQL(
            [
                "CREATE UNIQUE INDEX representative_once ON representative (enterprise_id, citizen_id) WHERE ended_at IS NULL",
                "CREATE INDEX application_by_agent ON application (agent_id, id) WHERE agent_id IS NOT NULL",
                "CREATE INDEX application_of_enterprise ON application (enterprise_id, id) WHERE enterprise_id IS NOT NULL",
                "CREATE UNIQUE INDEX licence_one_live ON licence (type_code, serial) WHERE status IN ('VALID', 'SUSPENDED')",
                "CREATE INDEX licence_sha256 ON licence (sha256) WHERE sha256 <> ''",
                "CREATE INDEX licence_preparing ON licence (id) WHERE status = 'PREPARING'",
                "CREATE INDEX licence_ending ON licence (expires_on) WHERE status = 'VALID'",
                (
                    "CREATE INDEX presentation_asked ON presentation (citizen_id) WHERE used_at IS NOT NULL"
                    " AND NOT in_advance AND consented_at IS NULL AND refused_at IS NULL"
                ),
            ]
        ),
        # Queues of staff: by place or body and officer, oldest first, however many cases there are.
        ops.RunSQL(
            [
                (
                    "CREATE INDEX application_queue_division ON application (division_code, officer, id)"
                    " WHERE status NOT IN ('DRAFT', 'CLOSED')"
                ),
                (
                    "CREATE INDEX application_queue_status ON application (division_code, officer, status, id)"
                    " WHERE status NOT IN ('DRAFT', 'CLOSED')"
                ),
                (
                    "CREATE INDEX application_queue_department ON application (department_code, officer, id)"
                    " WHERE status NOT IN ('DRAFT', 'CLOSED')"
                ),
                (
                    "CREATE INDEX application_queue_intake ON application (intake_division_code, id)"
                    " WHERE intake_division_code <> '' AND intake_division_code <> division_code"
                    " AND status NOT IN ('DRAFT', 'CLOSED')"
                ),
                (
                    "CREATE INDEX application_queue_overdue ON application (division_code, promised_due_on, id)"
                    " WHERE status = 'ACCEPTED'"
                ),
                "CREATE INDEX application_person_asked ON application (division_code, id) WHERE person_asked_at IS NOT NULL",
                "CREATE INDEX due_card_open_here ON due_card (colour, division_code, application_id) WHERE settled_at IS NULL",
            ]
        ),
        # What the clock looks for: few cases among many.
        ops.RunSQL(
            [
                "DROP INDEX application_received",
                "CREATE INDEX application_received ON application (received_at) WHERE status IN ('SUBMITTED', 'RECEIVED')",
                "DROP INDEX application_correction_due",
                (
                    "CREATE INDEX application_correction_due ON application (correction_due_at)"
                    " WHERE status IN ('CORRECTION', 'RETURNED')"
                ),
                "CREATE INDEX application_due_soon ON application (due_soon_on) WHERE status = 'ACCEPTED'",
                (
                    "CREATE INDEX application_decided ON application (decided_at)"
                    " WHERE status IN ('APPROVED', 'CERTIFYING', 'DELIVERING')"
                ),
                "CREATE INDEX case_document_undrawn ON case_document (id) WHERE sha256 = ''",
                "CREATE INDEX due_card_unsettled ON due_card (id) WHERE settled_at IS NULL",
                "CREATE INDEX package_case_open ON package_case (id) WHERE status IN ('HANDLING', 'DELIVERING')",
            ]
        ),
        ops.RunSQL([
            "ALTER TABLE service_item DROP COLUMN lexemes",
            # The search index: documents by content, their words with weights, and the items they lead to.
            "CREATE TABLE search_document (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
            " digest text NOT NULL UNIQUE, kind smallint NOT NULL, title text NOT NULL)",
            "CREATE TABLE search_posting (word text COLLATE \"C\" NOT NULL, kind smallint NOT NULL, document_id"
            " integer NOT NULL, weight smallint NOT NULL, PRIMARY KEY (word, kind, document_id) INCLUDE (weight))",
            "CREATE TABLE search_word (word text COLLATE \"C\" PRIMARY KEY, held integer NOT NULL)",
            "CREATE INDEX search_posting_document ON search_posting (document_id)",
            "CREATE TABLE search_variant (variant text COLLATE \"C\" NOT NULL, word text COLLATE \"C\" NOT NULL,"
            " PRIMARY KEY (variant, word))",
            "CREATE TABLE search_syllable (character text COLLATE \"C\" NOT NULL, syllable text NOT NULL,"
            " PRIMARY KEY (character, syllable))",
            "CREATE TABLE search_phrase (key text COLLATE \"C\" NOT NULL, phrase text NOT NULL, document_id integer"
            " NOT NULL, rank smallint NOT NULL, PRIMARY KEY (key, phrase, document_id) INCLUDE (rank))",
            "CREATE INDEX search_phrase_document ON search_phrase (document_id)",
            "CREATE TABLE search_target (document_id integer NOT NULL, code text COLLATE \"C\" NOT NULL,"
            " kind smallint NOT NULL, position smallint NOT NULL, division_code text COLLATE \"C\" NOT NULL,"
            " department_code text COLLATE \"C\" NOT NULL, basic_code text COLLATE \"C\" NOT NULL,"
            " reach text COLLATE \"C\" NOT NULL, audience text COLLATE \"C\" NOT NULL, topics jsonb NOT NULL,"
            " events jsonb NOT NULL, popularity integer NOT NULL, PRIMARY KEY (document_id, code))",
            "CREATE INDEX search_target_code ON search_target (code)",
            "CREATE INDEX search_target_near ON search_target (document_id, division_code)",
        ]),
        ops.RemoveField(model_name='ServiceItem', name='search_text'),
    ]
