"""the main job.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

import app.kernel.db



revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.create_table('article',
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('course', sa.String(), nullable=False),
    sa.Column('sources', sa.JSON(), nullable=False),
    sa.Column('published_on', sa.Date(), nullable=False),
    sa.Column('reviewed_on', sa.Date(), nullable=False),
    sa.Column('html', sa.String(), nullable=False),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('slug', name=op.f('pk_article'))
    )
    op.create_table('guide_version',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('digest', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('summary', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('audience', sa.String(), nullable=False),
    sa.Column('kind', sa.String(), nullable=False),
    sa.Column('courses', sa.JSON(), nullable=False),
    sa.Column('sources', sa.JSON(), nullable=False),
    sa.Column('reviewed_on', sa.Date(), nullable=False),
    sa.Column('html', sa.String(), nullable=False),
    sa.Column('blocks', sa.JSON(), nullable=False),
    sa.Column('published_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('is_current', sa.Boolean(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_guide_version')),
    sa.UniqueConstraint('slug', 'number', name=op.f('uq_guide_version_slug_number'))
    )
    with op.batch_alter_table('guide_version', schema=None) as batch_op:
        batch_op.create_index('ix_guide_version_one_current', ['slug'], unique=True, sqlite_where=sa.text('is_current'), postgresql_where=sa.text('is_current'))

    op.create_table('picture',
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('media_type', sa.String(), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['course_version.id'], name=op.f('fk_picture_version_id')),
    sa.PrimaryKeyConstraint('version_id', 'name', name=op.f('pk_picture'))
    )
    op.create_table('question',
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('lesson', sa.Integer(), nullable=False),
    sa.Column('html', sa.String(), nullable=False),
    sa.Column('options', sa.JSON(), nullable=False),
    sa.Column('why', sa.String(), nullable=False),
    sa.ForeignKeyConstraint(['version_id'], ['course_version.id'], name=op.f('fk_question_version_id')),
    sa.PrimaryKeyConstraint('version_id', 'key', name=op.f('pk_question'))
    )
    op.create_table('safeguarding_contacts',
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('lead_name', sa.String(), nullable=False),
    sa.Column('lead_contact', sa.String(), nullable=False),
    sa.Column('deputy_name', sa.String(), nullable=False),
    sa.Column('deputy_contact', sa.String(), nullable=False),
    sa.Column('local_numbers', sa.String(), nullable=False),
    sa.Column('changed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_safeguarding_contacts_organisation_id')),
    sa.PrimaryKeyConstraint('organisation_id', name=op.f('pk_safeguarding_contacts'))
    )
    op.create_table('enrolment',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('version_id', sa.Uuid(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('begun_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('passed_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_enrolment_membership_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_enrolment_organisation_id')),
    sa.ForeignKeyConstraint(['version_id'], ['course_version.id'], name=op.f('fk_enrolment_version_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_enrolment'))
    )
    with op.batch_alter_table('enrolment', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_enrolment_membership_id'), ['membership_id'], unique=False)
        batch_op.create_index('ix_enrolment_one_open', ['membership_id', 'slug'], unique=True, sqlite_where=sa.text('passed_at IS NULL'), postgresql_where=sa.text('passed_at IS NULL'))
        batch_op.create_index(batch_op.f('ix_enrolment_organisation_id'), ['organisation_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_enrolment_version_id'), ['version_id'], unique=False)

    op.create_table('attempt',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('drawn', sa.Integer(), nullable=False),
    sa.Column('right_count', sa.Integer(), nullable=True),
    sa.Column('is_fast', sa.Boolean(), nullable=False),
    sa.Column('begun_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('ended_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f('ck_attempt_ended')),
    sa.CheckConstraint("state IN ('open', 'passed', 'failed', 'abandoned')", name=op.f('ck_attempt_state')),
    sa.ForeignKeyConstraint(['enrolment_id'], ['enrolment.id'], name=op.f('fk_attempt_enrolment_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_attempt')),
    sa.UniqueConstraint('enrolment_id', 'number', name=op.f('uq_attempt_enrolment_id_number'))
    )
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.create_index('ix_attempt_one_open', ['enrolment_id'], unique=True, sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.create_table('block_progress',
    sa.Column('enrolment_id', sa.Uuid(), nullable=False),
    sa.Column('lesson', sa.Integer(), nullable=False),
    sa.Column('block', sa.Integer(), nullable=False),
    sa.Column('answer', sa.JSON(), nullable=False),
    sa.Column('saved_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('done_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['enrolment_id'], ['enrolment.id'], name=op.f('fk_block_progress_enrolment_id')),
    sa.PrimaryKeyConstraint('enrolment_id', 'lesson', 'block', name=op.f('pk_block_progress'))
    )
    op.create_table('attempt_question',
    sa.Column('attempt_id', sa.Uuid(), nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(), nullable=False),
    sa.Column('order', sa.JSON(), nullable=False),
    sa.Column('chosen', sa.JSON(), nullable=False),
    sa.Column('answered_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('is_right', sa.Boolean(), nullable=True),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempt.id'], name=op.f('fk_attempt_question_attempt_id')),
    sa.PrimaryKeyConstraint('attempt_id', 'position', name=op.f('pk_attempt_question')),
    sa.UniqueConstraint('attempt_id', 'key', name=op.f('uq_attempt_question_attempt_id_key'))
    )
    op.create_table('certificate',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('number', sa.String(), nullable=False),
    sa.Column('attempt_id', sa.Uuid(), nullable=False),
    sa.Column('organisation_id', sa.Uuid(), nullable=False),
    sa.Column('membership_id', sa.Uuid(), nullable=False),
    sa.Column('person_id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.String(), nullable=False),
    sa.Column('organisation_name', sa.String(), nullable=False),
    sa.Column('slug', sa.String(), nullable=False),
    sa.Column('title', sa.String(), nullable=False),
    sa.Column('category', sa.String(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('score_percent', sa.Integer(), nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('outcomes', sa.JSON(), nullable=False),
    sa.Column('nations', sa.String(), nullable=False),
    sa.Column('theory_only', sa.String(), nullable=False),
    sa.Column('issued_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('issued_on', sa.Date(), nullable=False),
    sa.Column('refresh_by', sa.Date(), nullable=False),
    sa.Column('revoked_at', app.kernel.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('revoked_because', sa.String(), nullable=True),
    sa.CheckConstraint('(revoked_at IS NULL) = (revoked_because IS NULL)', name=op.f('ck_certificate_revoked_with_reason')),
    sa.ForeignKeyConstraint(['attempt_id'], ['attempt.id'], name=op.f('fk_certificate_attempt_id')),
    sa.ForeignKeyConstraint(['membership_id'], ['membership.id'], name=op.f('fk_certificate_membership_id')),
    sa.ForeignKeyConstraint(['organisation_id'], ['organisation.id'], name=op.f('fk_certificate_organisation_id')),
    sa.ForeignKeyConstraint(['person_id'], ['person.id'], name=op.f('fk_certificate_person_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_certificate')),
    sa.UniqueConstraint('attempt_id', name=op.f('uq_certificate_attempt_id')),
    sa.UniqueConstraint('number', name=op.f('uq_certificate_number'))
    )
    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_certificate_membership_id_slug'), ['membership_id', 'slug'], unique=False)
        batch_op.create_index(batch_op.f('ix_certificate_organisation_id_issued_at'), ['organisation_id', 'issued_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_certificate_person_id'), ['person_id'], unique=False)

    op.create_table('certificate_document',
    sa.Column('certificate_id', sa.Uuid(), nullable=False),
    sa.Column('made_at', app.kernel.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('pdf', sa.LargeBinary(), nullable=False),
    sa.ForeignKeyConstraint(['certificate_id'], ['certificate.id'], name=op.f('fk_certificate_document_certificate_id')),
    sa.PrimaryKeyConstraint('certificate_id', name=op.f('pk_certificate_document'))
    )
    with op.batch_alter_table('course_version', schema=None) as batch_op:
        batch_op.add_column(sa.Column('support', sa.JSON(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('lead', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('renews', sa.JSON(), nullable=False, server_default='[]'))
    with op.batch_alter_table('course_version', schema=None) as batch_op:
        for name in ('support', 'lead', 'renews'):
            batch_op.alter_column(name, server_default=None)

    # What was one page of text becomes a lesson of one reading block.
    with op.batch_alter_table('lesson', schema=None) as batch_op:
        batch_op.add_column(sa.Column('blocks', sa.JSON(), nullable=False, server_default='[]'))
    lesson = sa.table(
        'lesson',
        sa.column('version_id', sa.Uuid()),
        sa.column('number', sa.Integer()),
        sa.column('html', sa.String()),
        sa.column('blocks', sa.JSON()),
    )
    connection = op.get_bind()
    for version_id, number, html in connection.execute(sa.select(lesson.c.version_id, lesson.c.number, lesson.c.html)).all():
        is_this = sa.and_(lesson.c.version_id == version_id, lesson.c.number == number)
        block = {'kind': 'reading', 'title': '', 'html': html}
        connection.execute(sa.update(lesson).where(is_this).values(blocks=[block]))
    with op.batch_alter_table('lesson', schema=None) as batch_op:
        batch_op.alter_column('blocks', server_default=None)
        batch_op.drop_column('html')


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table('lesson', schema=None) as batch_op:
        batch_op.add_column(sa.Column('html', sa.VARCHAR(), nullable=False, server_default=''))
        batch_op.drop_column('blocks')

    with op.batch_alter_table('course_version', schema=None) as batch_op:
        batch_op.drop_column('renews')
        batch_op.drop_column('lead')
        batch_op.drop_column('support')

    op.drop_table('certificate_document')
    with op.batch_alter_table('certificate', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_certificate_person_id'))
        batch_op.drop_index(batch_op.f('ix_certificate_organisation_id_issued_at'))
        batch_op.drop_index(batch_op.f('ix_certificate_membership_id_slug'))

    op.drop_table('certificate')
    op.drop_table('attempt_question')
    op.drop_table('block_progress')
    with op.batch_alter_table('attempt', schema=None) as batch_op:
        batch_op.drop_index('ix_attempt_one_open', sqlite_where=sa.text("state = 'open'"), postgresql_where=sa.text("state = 'open'"))

    op.drop_table('attempt')
    with op.batch_alter_table('enrolment', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_enrolment_version_id'))
        batch_op.drop_index(batch_op.f('ix_enrolment_organisation_id'))
        batch_op.drop_index('ix_enrolment_one_open', sqlite_where=sa.text('passed_at IS NULL'), postgresql_where=sa.text('passed_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_enrolment_membership_id'))

    op.drop_table('enrolment')
    op.drop_table('safeguarding_contacts')
    op.drop_table('question')
    op.drop_table('picture')
    with op.batch_alter_table('guide_version', schema=None) as batch_op:
        batch_op.drop_index('ix_guide_version_one_current', sqlite_where=sa.text('is_current'), postgresql_where=sa.text('is_current'))

    op.drop_table('guide_version')
    op.drop_table('article')
