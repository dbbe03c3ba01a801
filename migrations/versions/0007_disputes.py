"""disputes and refunds.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('dispute',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('provider_subscription_id', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('opened_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('answer_by', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('url', sa.String(), nullable=False),
    sa.Column('ended_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('open', 'answered', 'won', 'lost')", name=op.f('ck_dispute_state')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_dispute_organisation_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_dispute_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dispute'))
    )
    with op.batch_alter_table('dispute', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dispute_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_dispute_subscription_id'), ['subscription_id'], unique=False)

    op.create_table('refund',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('subscription_id', sa.Uuid(), nullable=False),
    sa.Column('status', sa.String(), nullable=False),
    sa.Column('amount_minor', sa.Integer(), nullable=False),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_refund_organisation_id')),
    sa.ForeignKeyConstraint(['subscription_id'], ['subscription.id'], name=op.f('fk_refund_subscription_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_refund'))
    )
    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_refund_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_refund_subscription_id'), ['subscription_id'], unique=False)

    with op.batch_alter_table('provider_event', schema=None) as batch_op:
        batch_op.add_column(sa.Column('api_version', sa.String(), nullable=True))



def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('provider_event', schema=None) as batch_op:
        batch_op.drop_column('api_version')

    with op.batch_alter_table('refund', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_refund_subscription_id'))
        batch_op.drop_index(batch_op.f('ix_refund_organisation_id'))

    op.drop_table('refund')
    with op.batch_alter_table('dispute', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_dispute_subscription_id'))
        batch_op.drop_index(batch_op.f('ix_dispute_organisation_id'))

    op.drop_table('dispute')
