"""the address that the invoice of a quote is made out to.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table('quote', schema=None) as batch_op:
        batch_op.add_column(sa.Column('line1', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('line2', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('city', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('postcode', sa.String(), nullable=True))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('quote', schema=None) as batch_op:
        batch_op.drop_column('postcode')
        batch_op.drop_column('city')
        batch_op.drop_column('line2')
        batch_op.drop_column('line1')
