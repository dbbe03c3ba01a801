"""join links and requests, mail domains, the waiting list, and registrations that found no organisation.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('join_link',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('made_by', sa.Uuid(), nullable=False),
    sa.Column('most', sa.Integer(), nullable=True),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.Column('needs_approval', sa.Boolean(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('withdrawn_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint('used >= 0 AND (most IS NULL OR (most > 0 AND used <= most))', name=op.f('ck_join_link_used_within_most')),
    sa.ForeignKeyConstraint(['made_by'], ['person.id'], name=op.f('fk_join_link_made_by')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_join_link_organisation_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_join_link_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_join_link'))
    )
    with op.batch_alter_table('join_link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_join_link_organisation_id_made_at'), ['organisation_id', 'made_at'], unique=False)

    op.create_table('mail_domain',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('domain', sa.String(), nullable=False),
    sa.Column('needs_approval', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("state IN ('waiting', 'confirmed', 'removed')", name=op.f('ck_mail_domain_state')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_mail_domain_organisation_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_mail_domain_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_mail_domain'))
    )
    with op.batch_alter_table('mail_domain', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_mail_domain_domain_state'), ['domain', 'state'], unique=False)
        batch_op.create_index('ix_mail_domain_one_each', ['organisation_id', 'domain'], unique=True, sqlite_where=sa.text("state != 'removed'"), postgresql_where=sa.text("state != 'removed'"))

    op.create_table('join_request',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('link_id', sa.Uuid(), nullable=True),
    sa.Column('team_id', sa.Uuid(), nullable=True),
    sa.Column('comes_back', sa.Boolean(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('asked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('expires_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('told_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f('ck_join_request_settled_at')),
    sa.CheckConstraint("state IN ('open', 'approved', 'declined', 'expired')", name=op.f('ck_join_request_state')),
    sa.ForeignKeyConstraint(['link_id'], ['join_link.id'], name=op.f('fk_join_request_link_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_join_request_organisation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_join_request_person_id')),
    sa.ForeignKeyConstraint(['team_id'], ['team.id'], name=op.f('fk_join_request_team_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_join_request'))
    )
    with op.batch_alter_table('join_request', schema=None) as batch_op:
        batch_op.create_index('ix_join_request_one_open', ['organisation_id', 'person_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))
        batch_op.create_index(batch_op.f('ix_join_request_state_expires_at'), ['state', 'expires_at'], unique=False)

    op.create_table('shortfall',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('by_id', sa.Uuid(), nullable=False),
    sa.Column('change_id', sa.Uuid(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('kept_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'open') = (settled_at IS NULL)", name=op.f('ck_shortfall_settled_at')),
    sa.CheckConstraint("kind IN ('invitation', 'list', 'people', 'requests')", name=op.f('ck_shortfall_kind')),
    sa.CheckConstraint("state IN ('open', 'done', 'dropped')", name=op.f('ck_shortfall_state')),
    sa.ForeignKeyConstraint(['by_id'], ['membership.id'], name=op.f('fk_shortfall_by_id')),
    sa.ForeignKeyConstraint(['change_id'], ['subscription_change.id'], name=op.f('fk_shortfall_change_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_shortfall_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_shortfall')),
    sa.UniqueConstraint('change_id', name=op.f('uq_shortfall_change_id'))
    )
    with op.batch_alter_table('shortfall', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_shortfall_by_id_state'), ['by_id', 'state'], unique=False)
        batch_op.create_index(batch_op.f('ix_shortfall_kept_at'), ['kept_at'], unique=False)

    op.create_table('waiting_place',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('asked_by', sa.Uuid(), nullable=False),
    sa.Column('import_id', sa.Uuid(), nullable=True),
    sa.Column('note', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('since', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('rank', sa.Integer(), nullable=False),
    sa.Column('settled_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (settled_at IS NULL)", name=op.f('ck_waiting_place_settled_at')),
    sa.CheckConstraint("state IN ('waiting', 'seated', 'taken_off')", name=op.f('ck_waiting_place_state')),
    sa.ForeignKeyConstraint(['asked_by'], ['person.id'], name=op.f('fk_waiting_place_asked_by')),
    sa.ForeignKeyConstraint(['import_id'], ['people_import.id'], name=op.f('fk_waiting_place_import_id')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_waiting_place_membership_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_waiting_place_organisation_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_waiting_place'))
    )
    with op.batch_alter_table('waiting_place', schema=None) as batch_op:
        batch_op.create_index('ix_waiting_place_one_each', ['membership_id'], unique=True, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))
        batch_op.create_index(batch_op.f('ix_waiting_place_organisation_id_state_rank_id'), ['organisation_id', 'state', 'rank', 'id'], unique=False)

    with op.batch_alter_table('organisation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('keeps_waiting_list', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('organisation', schema=None) as batch_op:
        batch_op.alter_column('keeps_waiting_list', server_default=None)

    with op.batch_alter_table('registration', schema=None) as batch_op:
        batch_op.alter_column('kind',
               existing_type=sa.VARCHAR(),
               nullable=True)



def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('registration', schema=None) as batch_op:
        batch_op.alter_column('kind',
               existing_type=sa.VARCHAR(),
               nullable=False)

    with op.batch_alter_table('organisation', schema=None) as batch_op:
        batch_op.drop_column('keeps_waiting_list')

    with op.batch_alter_table('waiting_place', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_waiting_place_organisation_id_state_rank_id'))
        batch_op.drop_index('ix_waiting_place_one_each', sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.drop_table('waiting_place')
    with op.batch_alter_table('shortfall', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_shortfall_kept_at'))
        batch_op.drop_index(batch_op.f('ix_shortfall_by_id_state'))

    op.drop_table('shortfall')
    with op.batch_alter_table('join_request', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_join_request_state_expires_at'))
        batch_op.drop_index('ix_join_request_one_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table('join_request')
    with op.batch_alter_table('mail_domain', schema=None) as batch_op:
        batch_op.drop_index('ix_mail_domain_one_each', sqlite_where=sa.text("state != 'removed'"), postgresql_where=sa.text("state != 'removed'"))
        batch_op.drop_index(batch_op.f('ix_mail_domain_domain_state'))

    op.drop_table('mail_domain')
    with op.batch_alter_table('join_link', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_join_link_organisation_id_made_at'))

    op.drop_table('join_link')
