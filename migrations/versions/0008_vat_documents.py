"""vat documents.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table('price_card', schema=None) as batch_op:
        batch_op.add_column(sa.Column('mode', sa.String(), nullable=False, server_default='graduated'))
        batch_op.add_column(sa.Column('bump', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('price_card', schema=None) as batch_op:
        batch_op.alter_column('mode', existing_type=sa.String(), server_default=None)
        batch_op.alter_column('bump', existing_type=sa.Boolean(), server_default=None)
        batch_op.create_check_constraint(op.f('ck_price_card_mode'), "mode IN ('graduated', 'volume')")
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.add_column(sa.Column('paid_minor', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('voided_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
    op.execute("UPDATE invoice SET paid_minor = gross_minor - remaining_minor WHERE status = 'paid'")
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.alter_column('paid_minor', existing_type=sa.Integer(), server_default=None)
    op.create_table('vat_document',
    sa.Column('id', sa.String(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('invoice_id', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('net_minor', sa.Integer(), nullable=False),
    sa.Column('vat_minor', sa.Integer(), nullable=False),
    sa.Column('gross_minor', sa.Integer(), nullable=False),
    sa.Column('refunded_minor', sa.Integer(), nullable=False),
    sa.Column('vat_percent', sa.Integer(), nullable=True),
    sa.Column('currency', sa.String(), nullable=False),
    sa.Column('issued_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('facts', sa.JSON(), nullable=False),
    sa.CheckConstraint("kind IN ('invoice', 'credit_note')", name=op.f('ck_vat_document_kind')),
    sa.CheckConstraint('gross_minor = net_minor + vat_minor', name=op.f('ck_vat_document_figures')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice.id'], name=op.f('fk_vat_document_invoice_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_vat_document_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_vat_document')),
    sa.UniqueConstraint('number', name=op.f('uq_vat_document_number'))
    )
    op.create_index(op.f('ix_vat_document_organisation_id_issued_at'), 'vat_document', ['organisation_id', 'issued_at'])
    op.create_index(op.f('ix_vat_document_invoice_id'), 'vat_document', ['invoice_id'])
    op.create_index(op.f('ix_vat_document_issued_at'), 'vat_document', ['issued_at'])
    op.create_table('vat_document_pdf',
    sa.Column('document_id', sa.String(), nullable=False),
    sa.Column('pdf', sa.LargeBinary(), nullable=False),
    sa.Column('printed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['document_id'], ['vat_document.id'], name=op.f('fk_vat_document_pdf_document_id')),
    sa.PrimaryKeyConstraint('document_id', name=op.f('pk_vat_document_pdf'))
    )
    op.create_table('invoice_recipient',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('address_key', sa.String(), nullable=False),
    sa.Column('added_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_invoice_recipient_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice_recipient')),
    sa.UniqueConstraint('organisation_id', 'address_key', name=op.f('uq_invoice_recipient_organisation_id_address_key'))
    )


def downgrade() -> None:
    """Go back."""
    op.drop_table('invoice_recipient')
    op.drop_table('vat_document_pdf')
    op.drop_table('vat_document')
    with op.batch_alter_table('invoice', schema=None) as batch_op:
        batch_op.drop_column('voided_at')
        batch_op.drop_column('paid_minor')
    with op.batch_alter_table('price_card', schema=None) as batch_op:
        batch_op.drop_constraint(op.f('ck_price_card_mode'), type_='check')
        batch_op.drop_column('bump')
        batch_op.drop_column('mode')
