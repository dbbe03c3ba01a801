"""changing a subscription.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db



revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table('checkout', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_checkout_state'), type_='check')
        batch_op.create_check_constraint(op.f('ck_checkout_state'), "state IN ('open', 'processing', 'paid', 'stuck', 'served', 'refunded', 'expired')")

    op.create_table('invoice',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.Column('net_minor', sa.Integer(), nullable=False),
    sa.Column('vat_minor', sa.Integer(), nullable=False),
    sa.Column('gross_minor', sa.Integer(), nullable=False),
    sa.Column('remaining_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('issued_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('paid_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('tries_again_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('url', sa.String(), nullable=True),
    sa.CheckConstraint('gross_minor = net_minor + vat_minor', name=op.f('ck_invoice_figures')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_invoice_organisation_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_invoice_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice'))
    )
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invoice_organisation_id_issued_at'), ['organisation_id', 'issued_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_invoice_subscription_id'), ['subscription_id'], unique=False)

    op.create_table('price_check',
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('interval', sa.String(), nullable=False),
    sa.Column('checked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('problem', sa.String(), nullable=True),
    sa.ForeignKeyConstraint(['version'], ['price_card.version'], name=op.f('fk_price_check_version')),
    sa.PrimaryKeyConstraint('version', 'interval', name=op.f('pk_price_check'))
    )
    op.create_table('subscription_change',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('from_seats', sa.Integer(), nullable=False),
    sa.Column('seats', sa.Integer(), nullable=False),
    sa.Column('interval', sa.String(), nullable=False),
    sa.Column('then_seats', sa.Integer(), nullable=True),
    sa.Column('then_interval', sa.String(), nullable=True),
    sa.Column('counted_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('net_minor', sa.Integer(), nullable=False),
    sa.Column('vat_minor', sa.Integer(), nullable=False),
    sa.Column('gross_minor', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(), nullable=True),
    sa.Column('is_applied', sa.Boolean(), nullable=False),
    sa.Column('refusal', sa.String(), nullable=True),
    sa.Column('began_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('done_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state IN ('asked', 'waiting', 'planning')) = (done_at IS NULL)", name=op.f('ck_subscription_change_done_at')),
    sa.CheckConstraint("state IN ('asked', 'waiting', 'planning', 'done', 'lapsed', 'refused')", name=op.f('ck_subscription_change_state')),
    sa.CheckConstraint('gross_minor = net_minor + vat_minor AND seats > 0', name=op.f('ck_subscription_change_figures')),
    sa.ForeignKeyConstraint(['by_id'], ['membership.id'], name=op.f('fk_subscription_change_by_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_subscription_change_organisation_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_subscription_change_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_subscription_change'))
    )
    with op.batch_alter_table('subscription_change', schema=None) as batch_op:
        batch_op.create_index('ix_subscription_change_one_open', ['subscription_id'], unique=True, sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))
        batch_op.create_index(batch_op.f('ix_subscription_change_organisation_id_began_at'), ['organisation_id', 'began_at'], unique=False)

    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.add_column(sa.Column('coming_seats', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('coming_interval', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('pays_with', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('closed_told_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('renewal_told_days', sa.Integer(), nullable=True))
        batch_op.create_check_constraint(op.f('ck_subscription_coming'), '(coming_seats IS NULL) = (coming_interval IS NULL) AND coming_seats > 0')


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('subscription', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_subscription_coming'), type_='check')
        batch_op.drop_column('renewal_told_days')
        batch_op.drop_column('closed_told_at')
        batch_op.drop_column('pays_with')
        batch_op.drop_column('coming_interval')
        batch_op.drop_column('coming_seats')

    with op.batch_alter_table('subscription_change', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_subscription_change_organisation_id_began_at'))
        batch_op.drop_index('ix_subscription_change_one_open', sqlite_where=sa.text('done_at IS NULL'), postgresql_where=sa.text('done_at IS NULL'))

    op.drop_table('subscription_change')
    op.drop_table('price_check')
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_invoice_subscription_id'))
        batch_op.drop_index(batch_op.f('ix_invoice_organisation_id_issued_at'))

    op.drop_table('invoice')
    op.execute("UPDATE checkout SET state = 'stuck' WHERE state = 'refunded'")
    with op.batch_alter_table('checkout', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_checkout_state'), type_='check')
        batch_op.create_check_constraint(op.f('ck_checkout_state'), "state IN ('open', 'processing', 'paid', 'stuck', 'served', 'expired')")
