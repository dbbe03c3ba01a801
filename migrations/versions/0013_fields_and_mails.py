"""profile fields, views of the people table, and how and when mails come.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

def upgrade() -> None:
    """Go forward."""
    op.create_table('mail_choice',
    sa.Column('address_key', sa.String(), nullable=False),
    sa.Column('topic', sa.String(), nullable=False),
    sa.Column('choice', sa.String(), nullable=False),
    sa.Column('changed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("choice IN ('at_once', 'daily', 'never')", name=op.f('ck_mail_choice_choice')),
    sa.CheckConstraint("topic IN ('notices', 'courses', 'reminders')", name=op.f('ck_mail_choice_topic')),
    sa.PrimaryKeyConstraint('address_key', 'topic', name=op.f('pk_mail_choice'))
    )
    op.create_table('brand',
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('colour', sa.String(), nullable=False),
    sa.Column('logo', sa.LargeBinary(), nullable=True),
    sa.Column('logo_digest', sa.String(), nullable=True),
    sa.Column('logo_width', sa.Integer(), nullable=True),
    sa.Column('logo_height', sa.Integer(), nullable=True),
    sa.Column('changed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint('(logo IS NULL) = (logo_digest IS NULL)', name=op.f('ck_brand_logo_has_digest')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_brand_organisation_id')),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_brand'))
    )
    op.create_table('profile_field',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('name_key', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('choices', sa.JSON(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('added_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("kind IN ('text', 'choice', 'date')", name=op.f('ck_profile_field_kind')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_profile_field_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_profile_field')),
    sa.UniqueConstraint('organisation_id', 'name_key', name=op.f('uq_profile_field_organisation_id_name_key'))
    )
    op.create_table('quiet_hours',
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('is_on', sa.Boolean(), nullable=False),
    sa.Column('begins', sa.String(), nullable=False),
    sa.Column('ends', sa.String(), nullable=False),
    sa.Column('days_off', sa.JSON(), nullable=False),
    sa.Column('holds_invitations', sa.Boolean(), nullable=False),
    sa.Column('changed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_quiet_hours_organisation_id')),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_quiet_hours'))
    )
    op.create_table('notice',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('recipient_id', sa.Uuid(), nullable=False),
    sa.Column('what', sa.String(), nullable=False),
    sa.Column('about', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('told_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice'))
    )
    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notice_told_at'), ['told_at'], unique=False)
        batch_op.create_index('ix_notice_untold', ['recipient_id', 'at'], unique=False, sqlite_where=sa.text('told_at IS NULL'), postgresql_where=sa.text('told_at IS NULL'))

    op.create_table('people_view',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('name_key', sa.String(), nullable=False),
    sa.Column('query', sa.JSON(), nullable=False),
    sa.Column('is_default', sa.Boolean(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_people_view_membership_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_people_view_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people_view'))
    )
    with op.batch_alter_table('people_view', schema=None) as batch_op:
        batch_op.create_index('ix_people_view_default_for_everybody', ['organisation_id'], unique=True, sqlite_where=sa.text('is_default AND membership_id IS NULL'), postgresql_where=sa.text('is_default AND membership_id IS NULL'))
        batch_op.create_index('ix_people_view_default_of_mine', ['membership_id'], unique=True, sqlite_where=sa.text('is_default AND membership_id IS NOT NULL'), postgresql_where=sa.text('is_default AND membership_id IS NOT NULL'))
        batch_op.create_index('ix_people_view_one_for_everybody', ['organisation_id', 'name_key'], unique=True, sqlite_where=sa.text('membership_id IS NULL'), postgresql_where=sa.text('membership_id IS NULL'))
        batch_op.create_index('ix_people_view_one_of_mine', ['membership_id', 'name_key'], unique=True, sqlite_where=sa.text('membership_id IS NOT NULL'), postgresql_where=sa.text('membership_id IS NOT NULL'))

    op.create_table('profile_value',
    sa.Column('field_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('value', sa.String(), nullable=False),
    sa.Column('value_key', sa.String().with_variant(sa.String(collation='C'), 'postgresql'), nullable=False),
    sa.ForeignKeyConstraint(['field_id'], ['profile_field.id'], name=op.f('fk_profile_value_field_id')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_profile_value_membership_id')),
    sa.PrimaryKeyConstraint('field_id', 'membership_id', name=op.f('pk_profile_value'))
    )
    with op.batch_alter_table('profile_value', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_profile_value_field_id_value_key_membership_id'), ['field_id', 'value_key', 'membership_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_profile_value_membership_id'), ['membership_id'], unique=False)

    with op.batch_alter_table('outbox_mail', schema=None) as batch_op:
        batch_op.add_column(sa.Column('held_until', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('bundled_in', sa.Uuid(), nullable=True))
        batch_op.add_column(sa.Column('unwanted_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('outdated_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f('ix_outbox_mail_held_until'), ['held_until'], unique=False)

    with op.batch_alter_table('people_import_line', schema=None) as batch_op:
        batch_op.add_column(sa.Column('values', sa.JSON(), server_default='{}', nullable=False))

def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('people_import_line', schema=None) as batch_op:
        batch_op.drop_column('values')

    with op.batch_alter_table('outbox_mail', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_outbox_mail_held_until'))
        batch_op.drop_column('outdated_at')
        batch_op.drop_column('unwanted_at')
        batch_op.drop_column('bundled_in')
        batch_op.drop_column('held_until')

    with op.batch_alter_table('profile_value', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_profile_value_membership_id'))
        batch_op.drop_index(batch_op.f('ix_profile_value_field_id_value_key_membership_id'))

    op.drop_table('profile_value')
    with op.batch_alter_table('people_view', schema=None) as batch_op:
        batch_op.drop_index('ix_people_view_one_of_mine', sqlite_where=sa.text('membership_id IS NOT NULL'), postgresql_where=sa.text('membership_id IS NOT NULL'))
        batch_op.drop_index('ix_people_view_one_for_everybody', sqlite_where=sa.text('membership_id IS NULL'), postgresql_where=sa.text('membership_id IS NULL'))
        batch_op.drop_index('ix_people_view_default_of_mine', sqlite_where=sa.text('is_default AND membership_id IS NOT NULL'), postgresql_where=sa.text('is_default AND membership_id IS NOT NULL'))
        batch_op.drop_index('ix_people_view_default_for_everybody', sqlite_where=sa.text('is_default AND membership_id IS NULL'), postgresql_where=sa.text('is_default AND membership_id IS NULL'))

    op.drop_table('people_view')
    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.drop_index('ix_notice_untold', sqlite_where=sa.text('told_at IS NULL'), postgresql_where=sa.text('told_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_notice_told_at'))

    op.drop_table('notice')
    op.drop_table('quiet_hours')
    op.drop_table('profile_field')
    op.drop_table('brand')
    op.drop_table('mail_choice')
