"""checkout: promotion codes, who is billed, bank debits, the right to cancel.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

BILLED = ('billed_name', 'business_name', 'line1', 'line2', 'city', 'postcode', 'country', 'vat_number')


def upgrade() -> None:
    """Go forward."""
    op.create_table('promotion',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('code', sa.String(), nullable=False),
    sa.Column('percent', sa.Integer(), nullable=True),
    sa.Column('amount_minor', sa.Integer(), nullable=True),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('interval', sa.String(), nullable=False),
    sa.Column('payments', sa.Integer(), nullable=True),
    sa.Column('ends_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('limit', sa.Integer(), nullable=True),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("interval IN ('month', 'year')", name=op.f('ck_promotion_interval')),
    sa.CheckConstraint('(percent IS NULL) <> (amount_minor IS NULL)', name=op.f('ck_promotion_one_kind')),
    sa.CheckConstraint('used >= 0 AND ("limit" IS NULL OR used <= "limit")', name=op.f('ck_promotion_used_within_limit')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_promotion')),
    sa.UniqueConstraint('code', name=op.f('uq_promotion_code'))
    )
    with op.batch_alter_table('checkout', schema=None) as batch_op:
        batch_op.add_column(sa.Column('promotion_id', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('discount_minor', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('starts_at_once', sa.String(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_checkout_promotion_id'), 'promotion', ['promotion_id'], ['id'])
    with op.batch_alter_table('checkout', schema=None) as batch_op:
        batch_op.alter_column('discount_minor', server_default=None)
    op.create_table('withdrawal',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('keeps_used_days', sa.Boolean(), nullable=False),
    sa.Column('days_used', sa.Integer(), nullable=False),
    sa.Column('paid_minor', sa.Integer(), nullable=False),
    sa.Column('refund_minor', sa.Integer(), nullable=False),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('done_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint('refund_minor >= 0 AND refund_minor <= paid_minor', name=op.f('ck_withdrawal_figures')),
    sa.CheckConstraint("state IN ('asked', 'done')", name=op.f('ck_withdrawal_state')),
    sa.ForeignKeyConstraint(['by_id'], ['membership.id'], name=op.f('fk_withdrawal_by_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_withdrawal_organisation_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_withdrawal_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_withdrawal')),
    sa.UniqueConstraint('subscription_id', name=op.f('uq_withdrawal_subscription_id'))
    )
    op.create_index(op.f('ix_withdrawal_organisation_id'), 'withdrawal', ['organisation_id'])
    with op.batch_alter_table('customer', schema=None) as batch_op:
        for name in BILLED:
            batch_op.add_column(sa.Column(name, sa.String(), nullable=True))
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.add_column(sa.Column('discount_percent', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('discount_minor', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('discount_until', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('pays_by_debit', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.alter_column('pays_by_debit', server_default=None)


def downgrade() -> None:
    """Go back."""
    op.drop_table('withdrawal')
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        for name in ('pays_by_debit', 'discount_until', 'discount_minor', 'discount_percent'):
            batch_op.drop_column(name)
    with op.batch_alter_table('customer', schema=None) as batch_op:
        for name in reversed(BILLED):
            batch_op.drop_column(name)
    with op.batch_alter_table('checkout', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_checkout_promotion_id'), type_='foreignkey')
        for name in ('starts_at_once', 'discount_minor', 'promotion_id'):
            batch_op.drop_column(name)
    op.drop_table('promotion')
