"""people without an address.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

PLAIN_ORDER = sa.String().with_variant(sa.String(collation='C'), 'postgresql')
IS_HERE = sa.text("state IN ('invited', 'active')")


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.add_column(sa.Column('user_name', PLAIN_ORDER, nullable=True))
        batch_op.add_column(sa.Column('erased_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.alter_column('address', existing_type=sa.String(), nullable=True)
        batch_op.alter_column('address_key', existing_type=sa.String(), nullable=True)
        batch_op.create_unique_constraint(batch_op.f('uq_person_user_name'), ['user_name'])
        batch_op.create_check_constraint(batch_op.f('ck_person_address_has_key'), '(address IS NULL) = (address_key IS NULL)')
        batch_op.create_check_constraint(batch_op.f('ck_person_can_sign_in'), 'erased_at IS NOT NULL OR address IS NOT NULL OR user_name IS NOT NULL')

    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('user_name', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('login_key', PLAIN_ORDER, nullable=False, server_default=''))
    op.execute('UPDATE membership SET login_key = address_key')
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.alter_column('address', existing_type=sa.String(), nullable=True)
        batch_op.alter_column('address_key', existing_type=sa.String(), nullable=True)
        batch_op.alter_column('login_key', existing_type=PLAIN_ORDER, server_default=None)
        batch_op.add_column(sa.Column('merged_into_id', sa.Uuid(), nullable=True))
        batch_op.create_foreign_key(batch_op.f('fk_membership_merged_into_id'), 'membership', ['merged_into_id'], ['id'])
        batch_op.drop_constraint(batch_op.f('ck_membership_state'), type_='check')
        batch_op.create_check_constraint(batch_op.f('ck_membership_state'), "state IN ('invited', 'active', 'archived', 'withdrawn', 'merged')")
        batch_op.create_check_constraint(batch_op.f('ck_membership_merged_into'), "(state = 'merged') = (merged_into_id IS NOT NULL)")
        batch_op.create_index(batch_op.f('ix_membership_merged_into_id'), ['merged_into_id'])
        batch_op.create_check_constraint(batch_op.f('ck_membership_address_has_key'), '(address IS NULL) = (address_key IS NULL)')
        batch_op.create_check_constraint(batch_op.f('ck_membership_who_runs_things_has_address'), 'address IS NOT NULL OR NOT (is_owner OR is_admin OR is_manager OR is_billing)')
        batch_op.create_index('ix_membership_here_by_login', ['organisation_id', 'login_key', 'id'], sqlite_where=IS_HERE, postgresql_where=IS_HERE)

    with op.batch_alter_table('people_import', schema=None) as batch_op:
        batch_op.add_column(sa.Column('gives_user_names', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('people_import', schema=None) as batch_op:
        batch_op.alter_column('gives_user_names', existing_type=sa.Boolean(), server_default=None)

    op.create_table('joining_slip',
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('pin_seal', sa.String(), nullable=False),
    sa.Column('printed_by', sa.Uuid(), nullable=False),
    sa.Column('printed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.CheckConstraint('tries BETWEEN 0 AND 5', name=op.f('ck_joining_slip_tries')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_joining_slip_membership_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_joining_slip_organisation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_joining_slip_person_id')),
    sa.ForeignKeyConstraint(['printed_by'], ['person.id'], name=op.f('fk_joining_slip_printed_by')),
    sa.PrimaryKeyConstraint('person_id', name=op.f('pk_joining_slip'))
    )
    op.create_index(op.f('ix_joining_slip_membership_id'), 'joining_slip', ['membership_id'])

    op.create_table('merger',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('stays_id', sa.Uuid(), nullable=False),
    sa.Column('goes_id', sa.Uuid(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('takes_name', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'confirmed', 'declined', 'withdrawn')", name=op.f('ck_merger_state')),
    sa.CheckConstraint('stays_id != goes_id', name=op.f('ck_merger_two_records')),
    sa.ForeignKeyConstraint(['asked_by'], ['person.id'], name=op.f('fk_merger_asked_by')),
    sa.ForeignKeyConstraint(['goes_id'], ['membership.id'], name=op.f('fk_merger_goes_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_merger_organisation_id')),
    sa.ForeignKeyConstraint(['stays_id'], ['membership.id'], name=op.f('fk_merger_stays_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_merger'))
    )
    op.create_index('ix_merger_one_open', 'merger', ['goes_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index(op.f('ix_merger_stays_id'), 'merger', ['stays_id'])

    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.add_column(sa.Column('erased_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
    op.create_table('person_export',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'ready', 'gone')", name=op.f('ck_person_export_state')),
    sa.CheckConstraint("(state = 'ready') = (content IS NOT NULL)", name=op.f('ck_person_export_ready_has_content')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_person_export_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_person_export'))
    )
    op.create_index('ix_person_export_one_waiting', 'person_export', ['person_id'], unique=True, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
    op.create_index(op.f('ix_person_export_state_expires_at'), 'person_export', ['state', 'expires_at'])
    op.create_index(op.f('ix_person_export_person_id'), 'person_export', ['person_id'])
    op.create_table('erasure',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('due_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('open', 'undone', 'done')", name=op.f('ck_erasure_state')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_erasure_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_erasure'))
    )
    op.create_index('ix_erasure_one_open', 'erasure', ['person_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index(op.f('ix_erasure_state_due_at'), 'erasure', ['state', 'due_at'])

    op.create_table('record_share',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('to_organisation_id', sa.Uuid(), nullable=False),
    sa.Column('offered_by', sa.Uuid(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('offered_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('accepted_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('agreed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('open', 'shared', 'declined', 'withdrawn', 'ended')", name=op.f('ck_record_share_state')),
    sa.CheckConstraint("state != 'shared' OR (accepted_at IS NOT NULL AND agreed_at IS NOT NULL)", name=op.f('ck_record_share_both_agreed')),
    sa.CheckConstraint('organisation_id != to_organisation_id', name=op.f('ck_record_share_two_organisations')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_record_share_membership_id')),
    sa.ForeignKeyConstraint(['offered_by'], ['person.id'], name=op.f('fk_record_share_offered_by')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_record_share_organisation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_record_share_person_id')),
    sa.ForeignKeyConstraint(['to_organisation_id'], ['organisation.id'], name=op.f('fk_record_share_to_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_record_share'))
    )
    op.create_index('ix_record_share_one_at_a_time', 'record_share', ['membership_id', 'to_organisation_id'], unique=True, sqlite_where=sa.text("state IN ('open', 'shared')"), postgresql_where=sa.text("state IN ('open', 'shared')"))
    op.create_index(op.f('ix_record_share_to_organisation_id_state'), 'record_share', ['to_organisation_id', 'state'])
    op.create_index(op.f('ix_record_share_person_id'), 'record_share', ['person_id'])


def downgrade() -> None:
    """Go back."""
    op.drop_table('record_share')
    op.drop_table('erasure')
    op.drop_table('person_export')
    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.drop_column('erased_at')
    op.drop_table('merger')
    op.drop_table('joining_slip')
    with op.batch_alter_table('people_import', schema=None) as batch_op:
        batch_op.drop_column('gives_user_names')
    # Those without an address are known by their user name from now on, which no mail can reach.
    for table in ('membership', 'person'):
        op.execute(f'UPDATE {table} SET address = user_name, address_key = user_name WHERE address IS NULL AND user_name IS NOT NULL')
        op.execute(f"UPDATE {table} SET address = 'removed', address_key = CAST(id AS VARCHAR) WHERE address IS NULL")  # noqa: S608 - names of ours
    # A record that was merged stands for itself again, as of somebody who has left.
    op.execute("UPDATE membership SET state = CASE WHEN joined_at IS NULL THEN 'withdrawn' ELSE 'archived' END, merged_into_id = NULL, archived_at = CASE WHEN joined_at IS NULL THEN NULL ELSE joined_at END WHERE state = 'merged'")
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_membership_merged_into_id'))
        batch_op.drop_constraint(batch_op.f('ck_membership_merged_into'), type_='check')
        batch_op.drop_constraint(batch_op.f('ck_membership_state'), type_='check')
        batch_op.create_check_constraint(batch_op.f('ck_membership_state'), "state IN ('invited', 'active', 'archived', 'withdrawn')")
        batch_op.drop_constraint(batch_op.f('fk_membership_merged_into_id'), type_='foreignkey')
        batch_op.drop_column('merged_into_id')
        batch_op.drop_index('ix_membership_here_by_login')
        batch_op.drop_constraint(batch_op.f('ck_membership_who_runs_things_has_address'), type_='check')
        batch_op.drop_constraint(batch_op.f('ck_membership_address_has_key'), type_='check')
        batch_op.drop_column('login_key')
        batch_op.drop_column('user_name')
        batch_op.alter_column('address', existing_type=sa.String(), nullable=False)
        batch_op.alter_column('address_key', existing_type=sa.String(), nullable=False)
    with op.batch_alter_table('person', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('ck_person_can_sign_in'), type_='check')
        batch_op.drop_constraint(batch_op.f('ck_person_address_has_key'), type_='check')
        batch_op.drop_constraint(batch_op.f('uq_person_user_name'), type_='unique')
        batch_op.drop_column('erased_at')
        batch_op.drop_column('user_name')
        batch_op.alter_column('address', existing_type=sa.String(), nullable=False)
        batch_op.alter_column('address_key', existing_type=sa.String(), nullable=False)
