"""credit notes that were taken back.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table('vat_document', schema=None) as batch_op:
        batch_op.add_column(sa.Column('taken_back_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.create_check_constraint(op.f('ck_vat_document_taken_back'), "taken_back_at IS NULL OR kind = 'credit_note'")


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('vat_document', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_vat_document_taken_back'), type_='check')
        batch_op.drop_column('taken_back_at')
