"""seat allowances.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('seat_allowance',
    sa.Column('team_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('allotted', sa.Integer(), nullable=False),
    sa.Column('changed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('allotted > 0', name=op.f('ck_seat_allowance_allotted')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_seat_allowance_organisation_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_seat_allowance_team_id')),
    sa.PrimaryKeyConstraint('team_id', name=op.f('pk_seat_allowance'))
    )
    op.create_index(op.f('ix_seat_allowance_organisation_id'), 'seat_allowance', ['organisation_id'])
    with op.batch_alter_table('seat_assignment', schema=None) as batch_op:
        batch_op.add_column(sa.Column('allowance_id', sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(op.f('fk_seat_assignment_allowance_id'), 'team', ['allowance_id'], ['id'])
        batch_op.create_index(op.f('ix_seat_assignment_membership_id'), ['membership_id'])
        batch_op.create_index(
            'ix_seat_assignment_of_allowance',
            ['allowance_id'],
            sqlite_where=sa.text('released_at IS NULL'),
            postgresql_where=sa.text('released_at IS NULL'),
        )


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('seat_assignment', schema=None) as batch_op:
        batch_op.drop_index('ix_seat_assignment_of_allowance')
        batch_op.drop_index(op.f('ix_seat_assignment_membership_id'))
        batch_op.drop_constraint(op.f('fk_seat_assignment_allowance_id'), type_='foreignkey')
        batch_op.drop_column('allowance_id')
    op.drop_table('seat_allowance')
