"""quotes, credit and receipts.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db



revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

Moment = app.kernel.db.UtcDateTime


def upgrade() -> None:
    """Go forward."""
    op.create_table('quote_counter',
    sa.Column('year', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('newest', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('year', name=op.f('pk_quote_counter'))
    )
    op.create_table('quote',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=True),
    sa.Column('for_organisation', sa.String(), nullable=False),
    sa.Column('for_name', sa.String(), nullable=False),
    sa.Column('for_address', sa.String(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('card_version', sa.Integer(), nullable=False),
    sa.Column('vat_percent', sa.Integer(), nullable=True),
    sa.Column('discount_percent', sa.Integer(), nullable=True),
    sa.Column('list_minor', sa.Integer(), nullable=False),
    sa.Column('discount_minor', sa.Integer(), nullable=False),
    sa.Column('net_minor', sa.Integer(), nullable=False),
    sa.Column('vat_minor', sa.Integer(), nullable=False),
    sa.Column('gross_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('prepared_at', Moment(timezone=True), nullable=False),
    sa.Column('valid_until', Moment(timezone=True), nullable=False),
    sa.Column('reminded_days', sa.Integer(), nullable=True),
    sa.Column('accepted_at', Moment(timezone=True), nullable=True),
    sa.Column('accepted_by', sa.String(), nullable=True),
    sa.Column('purchase_order', sa.String(), nullable=True),
    sa.Column('finance_name', sa.String(), nullable=True),
    sa.Column('finance_address', sa.String(), nullable=True),
    sa.Column('terms_version', sa.Integer(), nullable=True),
    sa.Column('declined_because', sa.String(), nullable=True),
    sa.Column('invoice_id', sa.String(), nullable=True),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('problem', sa.String(), nullable=True),
    sa.CheckConstraint("state IN ('draft', 'sent', 'accepted', 'invoiced', 'expired', 'declined', 'withdrawn')", name=op.f('ck_quote_state')),
    sa.CheckConstraint('seats > 0 AND net_minor = list_minor - discount_minor AND gross_minor = net_minor + vat_minor', name=op.f('ck_quote_figures')),
    sa.CheckConstraint("state NOT IN ('accepted', 'invoiced') OR (accepted_at IS NOT NULL AND organisation_id IS NOT NULL)", name=op.f('ck_quote_accepted')),
    sa.ForeignKeyConstraint(['by_id'], ['person.id'], name=op.f('fk_quote_by_id')),
    sa.ForeignKeyConstraint(['card_version'], ['price_card.version'], name=op.f('fk_quote_card_version')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice.id'], name=op.f('fk_quote_invoice_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_quote_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_quote')),
    sa.UniqueConstraint('number', name=op.f('uq_quote_number'))
    )
    with op.batch_alter_table('quote', schema=None) as batch_op:
        batch_op.create_index('ix_quote_one_accepted', ['organisation_id'], unique=True, sqlite_where=sa.text("state = 'accepted'"), postgresql_where=sa.text("state = 'accepted'"))
        batch_op.create_index(batch_op.f('ix_quote_organisation_id_prepared_at'), ['organisation_id', 'prepared_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_quote_state_valid_until'), ['state', 'valid_until'], unique=False)

    op.create_table('credit_limit',
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('limit_minor', sa.Integer(), nullable=False),
    sa.Column('set_at', Moment(timezone=True), nullable=False),
    sa.CheckConstraint('limit_minor >= 0', name=op.f('ck_credit_limit_limit')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_credit_limit_organisation_id')),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_credit_limit'))
    )
    op.create_table('bank_receipt',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('invoice_id', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('received_on', sa.Date(), nullable=False),
    sa.Column('reference', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('refusal', sa.String(), nullable=True),
    sa.Column('noted_at', Moment(timezone=True), nullable=False),
    sa.Column('settled_at', Moment(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('noted', 'told', 'refused')", name=op.f('ck_bank_receipt_state')),
    sa.CheckConstraint("(state = 'noted') = (settled_at IS NULL) AND amount_minor > 0", name=op.f('ck_bank_receipt_settled_at')),
    sa.ForeignKeyConstraint(['by_id'], ['person.id'], name=op.f('fk_bank_receipt_by_id')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice.id'], name=op.f('fk_bank_receipt_invoice_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_bank_receipt_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bank_receipt'))
    )
    with op.batch_alter_table('bank_receipt', schema=None) as batch_op:
        batch_op.create_index('ix_bank_receipt_one_of_invoice', ['invoice_id'], unique=True, sqlite_where=sa.text("state != 'refused'"), postgresql_where=sa.text("state != 'refused'"))
        batch_op.create_index(batch_op.f('ix_bank_receipt_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_bank_receipt_state'), ['state'], unique=False)

    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.add_column(sa.Column('due_at', Moment(timezone=True), nullable=True))

    # What is there already is paid by card.
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.add_column(sa.Column('is_by_invoice', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('withheld', sa.Integer(), nullable=False, server_default=sa.text('0')))
        batch_op.add_column(sa.Column('due_at', Moment(timezone=True), nullable=True))
        batch_op.create_check_constraint(op.f('ck_subscription_withheld'), 'withheld >= 0 AND (withheld = 0 OR is_by_invoice)')
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.alter_column('is_by_invoice', server_default=None)
        batch_op.alter_column('withheld', server_default=None)


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_subscription_withheld'), type_='check')
        batch_op.drop_column('due_at')
        batch_op.drop_column('withheld')
        batch_op.drop_column('is_by_invoice')

    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.drop_column('due_at')

    op.drop_table('bank_receipt')
    op.drop_table('credit_limit')
    op.drop_table('quote')
    op.drop_table('quote_counter')
