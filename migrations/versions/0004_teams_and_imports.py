"""teams and imports.

Revision ID: 0004
Revises: 0003
"""

import unicodedata

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

PLAIN_ORDER = sa.String().with_variant(sa.String(collation='C'), 'postgresql')
IS_HERE = sa.text("state IN ('invited', 'active')")
IS_TOP = sa.text('archived_at IS NULL AND parent_id IS NULL')
IS_UNDER = sa.text('archived_at IS NULL AND parent_id IS NOT NULL')


def name_key(name: str) -> str:
    """Give the key by which a name is sorted and searched."""
    plain = unicodedata.normalize('NFKD', name.casefold())
    return ''.join(character for character in plain if not unicodedata.combining(character))


def upgrade() -> None:
    """Go forward."""
    op.create_table('team',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('parent_id', sa.Uuid(), nullable=True),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('name_key', PLAIN_ORDER, nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('archived_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_team_organisation_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['team.id'], name=op.f('fk_team_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_team'))
    )
    op.create_index('ix_team_one_at_the_top', 'team', ['organisation_id', 'name_key'], unique=True, sqlite_where=IS_TOP, postgresql_where=IS_TOP)
    op.create_index('ix_team_one_under_another', 'team', ['parent_id', 'name_key'], unique=True, sqlite_where=IS_UNDER, postgresql_where=IS_UNDER)
    op.create_index(op.f('ix_team_parent_id'), 'team', ['parent_id'])
    for name in ('team_member', 'team_manager'):
        op.create_table(name,
        sa.Column('team_id', sa.Uuid(), nullable=False),
        sa.Column('membership_id', sa.Uuid(), nullable=False),
        sa.Column('added_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f(f'fk_{name}_membership_id')),
        sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f(f'fk_{name}_team_id')),
        sa.PrimaryKeyConstraint('team_id', 'membership_id', name=op.f(f'pk_{name}'))
        )
        op.create_index(op.f(f'ix_{name}_membership_id'), name, ['membership_id'])

    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.add_column(sa.Column('name_key', PLAIN_ORDER, nullable=False, server_default=''))
    membership = sa.table('membership', sa.column('id', sa.Uuid()), sa.column('name', sa.String()), sa.column('name_key', sa.String()))
    connection = op.get_bind()
    for membership_id, name in connection.execute(sa.select(membership.c.id, membership.c.name)).all():
        connection.execute(sa.update(membership).where(membership.c.id == membership_id).values(name_key=name_key(name)))
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.alter_column('name_key', server_default=None)
        batch_op.create_index('ix_membership_here_by_name', ['organisation_id', 'name_key', 'id'], sqlite_where=IS_HERE, postgresql_where=IS_HERE)
        batch_op.create_index(batch_op.f('ix_membership_organisation_id_state_name_key_id'), ['organisation_id', 'state', 'name_key', 'id'])
        batch_op.create_index(batch_op.f('ix_membership_organisation_id_added_at_id'), ['organisation_id', 'added_at', 'id'])

    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('note', sa.String(), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('reminders', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('continued_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True))
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.alter_column('note', server_default=None)
        batch_op.alter_column('reminders', server_default=None)

    op.create_table('people_import',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('sent_by', sa.Uuid(), nullable=False),
    sa.Column('file_name', sa.String(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=True),
    sa.Column('is_pasted', sa.Boolean(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('problem', sa.String(), nullable=False),
    sa.Column('lines_read', sa.Integer(), nullable=False),
    sa.Column('sent_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'ready', 'wanted', 'done', 'undone', 'refused')", name=op.f('ck_people_import_state')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_people_import_organisation_id')),
    sa.ForeignKeyConstraint(['sent_by'], ['person.id'], name=op.f('fk_people_import_sent_by')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_people_import_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_people_import'))
    )
    op.create_index(op.f('ix_people_import_organisation_id_sent_at'), 'people_import', ['organisation_id', 'sent_at'])
    op.create_index(op.f('ix_people_import_state_sent_at'), 'people_import', ['state', 'sent_at'])
    op.create_table('people_import_line',
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('place', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('address', sa.String(), nullable=False),
    sa.Column('address_key', sa.String(), nullable=False),
    sa.Column('team', sa.String(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('fate', sa.String(), nullable=False),
    sa.Column('problem', sa.String(), nullable=False),
    sa.CheckConstraint("fate IN ('new', 'back', 'here', 'problem')", name=op.f('ck_people_import_line_fate')),
    sa.ForeignKeyConstraint(['import_id'], ['people_import.id'], name=op.f('fk_people_import_line_import_id')),
    sa.PrimaryKeyConstraint('import_id', 'place', name=op.f('pk_people_import_line'))
    )
    op.create_index(op.f('ix_people_import_line_import_id_fate_place'), 'people_import_line', ['import_id', 'fate', 'place'])
    op.create_table('people_import_guest',
    sa.Column('import_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('invitation_id', sa.Uuid(), nullable=False),
    sa.ForeignKeyConstraint(['import_id'], ['people_import.id'], name=op.f('fk_people_import_guest_import_id')),
    sa.ForeignKeyConstraint(['invitation_id'], ['invitation.id'], name=op.f('fk_people_import_guest_invitation_id')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_people_import_guest_membership_id')),
    sa.PrimaryKeyConstraint('import_id', 'membership_id', name=op.f('pk_people_import_guest'))
    )
    op.create_index(op.f('ix_people_import_guest_membership_id'), 'people_import_guest', ['membership_id'])
    op.create_table('ownership_offer',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('giver_id', sa.Uuid(), nullable=False),
    sa.Column('taker_id', sa.Uuid(), nullable=False),
    sa.Column('steps_down', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.CheckConstraint("state IN ('open', 'accepted', 'declined', 'withdrawn')", name=op.f('ck_ownership_offer_state')),
    sa.ForeignKeyConstraint(['giver_id'], ['membership.id'], name=op.f('fk_ownership_offer_giver_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_ownership_offer_organisation_id')),
    sa.ForeignKeyConstraint(['taker_id'], ['membership.id'], name=op.f('fk_ownership_offer_taker_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ownership_offer'))
    )
    op.create_index('ix_ownership_offer_one_open', 'ownership_offer', ['taker_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
    op.create_index(op.f('ix_ownership_offer_organisation_id'), 'ownership_offer', ['organisation_id'])
    op.create_index(op.f('ix_outbox_mail_organisation_id_address'), 'outbox_mail', ['organisation_id', 'address'])


def downgrade() -> None:
    """Go back."""
    op.drop_table('people_import_guest')
    op.drop_table('people_import_line')
    op.drop_table('people_import')
    op.drop_table('ownership_offer')
    op.drop_index(op.f('ix_outbox_mail_organisation_id_address'), 'outbox_mail')
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.drop_column('continued_at')
        batch_op.drop_column('reminders')
        batch_op.drop_column('note')

    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_membership_organisation_id_added_at_id'))
        batch_op.drop_index(batch_op.f('ix_membership_organisation_id_state_name_key_id'))
        batch_op.drop_index('ix_membership_here_by_name')
        batch_op.drop_column('name_key')

    op.drop_table('team_manager')
    op.drop_table('team_member')
    op.drop_table('team')
