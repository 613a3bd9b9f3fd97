"""Fiscal confirmation and receipts, approval of refunds, keys of merchants, reconciliation."""

from tortoise import migrations
from tortoise.migrations import operations as ops
import functools
from app.ids import new_id
from json import dumps, loads
from tortoise import fields
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint
from models.operations import Together

class Migration(migrations.Migration):
    dependencies = [('models', '0003_unsettled_bills')]

    initial = False

    operations = [
        Together([
        ops.CreateModel(
            name='Discrepancy',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('account_code', fields.CharField(max_length=32)),
                ('business_on', fields.DateField()),
                ('kind', fields.CharField(max_length=24)),
                ('reference_no', fields.CharField(description="our order or refund number, or the provider's", max_length=64)),
                ('bill_no', fields.CharField(default='', max_length=32)),
                ('department_code', fields.CharField(default='', max_length=18)),
                ('division_code', fields.CharField(default='', max_length=12)),
                ('ours_fen', fields.BigIntField(null=True)),
                ('theirs_fen', fields.BigIntField(null=True)),
                ('details', fields.JSONField(default=dict, encoder=functools.partial(dumps, separators=(',', ':')), decoder=loads)),
                ('status', fields.CharField(default='OPEN', description='OPEN REPAIRED RESOLVED', max_length=12)),
                ('repair', fields.CharField(default='', description='what was tried by itself', max_length=32)),
                ('note', fields.CharField(default='', max_length=200)),
                ('resolved_by', fields.CharField(default='', max_length=64)),
                ('resolved_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'discrepancy', 'app': 'models', 'unique_together': (('account_code', 'kind', 'reference_no', 'business_on'),), 'pk_attr': 'id', 'table_description': 'One difference that a run found, of a named kind, with what became of it.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='FiscalReceipt',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('bill_id', fields.UUIDField()),
                ('kind', fields.CharField(description='BLUE, RED', max_length=4)),
                ('refund_no', fields.CharField(default='', description='of a red one', max_length=64)),
                ('receipt_code', fields.CharField(description='票据代码', max_length=16)),
                ('receipt_number', fields.CharField(description='票据号码', max_length=16)),
                ('check_code', fields.CharField(description='校验码', max_length=16)),
                ('amount_fen', fields.BigIntField()),
                ('url', fields.CharField(max_length=512)),
                ('issued_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'fiscal_receipt', 'app': 'models', 'unique_together': (('bill_id', 'kind', 'refund_no'),), 'pk_attr': 'id', 'table_description': 'One electronic receipt of the fiscal platform: of a payment (BLUE), or of a refund that takes it back (RED).'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='PaymentAccountKey',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('account_id', fields.UUIDField()),
                ('key_id', fields.CharField(max_length=64)),
                ('pem', fields.TextField(description='public key or certificate', unique=False)),
                ('active', fields.BooleanField(default=True)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'payment_account_key', 'app': 'models', 'unique_together': (('account_id', 'key_id'),), 'pk_attr': 'id', 'table_description': 'A public key by which a provider signs to a merchant account; several are active while keys change.'},
            bases=['Table'],
        ),
        ops.CreateModel(
            name='ReconciliationRun',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=True)),
                ('account_code', fields.CharField(max_length=32)),
                ('channel', fields.CharField(max_length=12)),
                ('business_on', fields.DateField(description='day in Beijing')),
                ('status', fields.CharField(description='RUNNING DONE FAILED', max_length=12)),
                ('fault', fields.CharField(default='', max_length=200)),
                ('fault_line', fields.IntField(null=True, description='line of the bill file')),
                ('paid_count', fields.BigIntField(default=0)),
                ('paid_fen', fields.BigIntField(default=0)),
                ('refund_count', fields.BigIntField(default=0)),
                ('refund_fen', fields.BigIntField(default=0)),
                ('fee_fen', fields.BigIntField(default=0)),
                ('flow_fen', fields.BigIntField(default=0, description='net of the fund flow bill')),
                ('our_paid_count', fields.BigIntField(default=0)),
                ('our_paid_fen', fields.BigIntField(default=0)),
                ('our_refund_count', fields.BigIntField(default=0)),
                ('our_refund_fen', fields.BigIntField(default=0)),
                ('fiscal_count', fields.BigIntField(default=0)),
                ('fiscal_fen', fields.BigIntField(default=0)),
                ('discrepancy_count', fields.IntField(default=0)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'reconciliation_run', 'app': 'models', 'constraints': [UniqueConstraint(fields=('account_code', 'business_on'), name='reconciliation_run_once_a_day')], 'pk_attr': 'id', 'table_description': 'One day of one merchant account compared three ways; a repeated run writes the same row again.'},
            bases=['Table'],
        ),
        ops.AlterField(
            model_name='Bill',
            name='payment_code',
            field=fields.CharField(null=True, unique=True, description='缴款码; null = not issued yet', max_length=20),
        ),
        ops.AddField(
            model_name='Bill',
            name='confirmed_at',
            field=fields.DatetimeField(null=True, description='by the fiscal platform', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Bill',
            name='fiscal_ask_after',
            field=fields.DatetimeField(null=True, description='when the fiscal platform is asked; null = settled', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Bill',
            name='fiscal_asked_count',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='Bill',
            name='late_fee_fen',
            field=fields.BigIntField(default=0, description='滞纳金, part of amount_fen', db_default=0),
        ),
        ops.AddConstraint(
            model_name='Bill',
            constraint=CheckConstraint(check='late_fee_fen >= 0 AND late_fee_fen < amount_fen', name='bill_late_fee_within'),
        ),
        ops.AddField(
            model_name='Payment',
            name='refund_free_at',
            field=fields.DatetimeField(null=True, description='earliest moment of the next refund call', auto_now=False, auto_now_add=False),
        ),
        ops.AlterField(
            model_name='PaymentAccount',
            name='key_reference',
            field=fields.CharField(default='settings', description='folder of its secret files', max_length=64),
        ),
        ops.AddField(
            model_name='PaymentAccount',
            name='fetches_certificates',
            field=fields.BooleanField(default=False, description='signed to it by platform certificates', db_default=False),
        ),
        ops.AddField(
            model_name='PaymentAccount',
            name='serial_no',
            field=fields.CharField(default='', description="of the merchant's own API certificate", db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Refund',
            name='approved_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='approved_by',
            field=fields.CharField(default='', db_default='', max_length=64),
        ),
        ops.AddField(
            model_name='Refund',
            name='decision_note',
            field=fields.CharField(default='', db_default='', max_length=200),
        ),
        ops.AddField(
            model_name='Refund',
            name='fiscal_ask_after',
            field=fields.DatetimeField(null=True, description='when the red-letter receipt is asked for', auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='fiscal_asked_count',
            field=fields.IntField(default=0, db_default=0),
        ),
        ops.AddField(
            model_name='Refund',
            name='needs_approval',
            field=fields.BooleanField(default=False, description='by a second person before it is pushed', db_default=False),
        ),
        ops.AddField(
            model_name='Refund',
            name='reversed_at',
            field=fields.DatetimeField(null=True, description='red-letter receipt (冲红) issued', auto_now=False, auto_now_add=False),
        ),
        ops.RunSQL(
            [
                "CREATE INDEX bill_fiscal_due ON bill (fiscal_ask_after) WHERE fiscal_ask_after IS NOT NULL",
                "CREATE INDEX refund_fiscal_due ON refund (fiscal_ask_after) WHERE fiscal_ask_after IS NOT NULL",
                "CREATE INDEX refund_waiting ON refund (id) WHERE status IN ('REQUESTED', 'ABNORMAL')",
                "CREATE INDEX refund_finished ON refund (finished_at) WHERE status = 'SUCCEEDED'",
                "CREATE INDEX payment_paid ON payment (paid_at) WHERE status = 'SUCCEEDED'",
                "CREATE INDEX discrepancy_open ON discrepancy (id) WHERE status = 'OPEN'",
            ]
        ),
        ]),
    ]
