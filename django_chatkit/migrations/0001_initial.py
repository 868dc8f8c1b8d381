import django.db.models.deletion
import django_chatkit.models.fields
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EndUser',
            fields=[
                ('id', django_chatkit.models.fields.IdField(max_length=512, primary_key=True, serialize=False, verbose_name='id')),
                ('live_until', models.DateTimeField(blank=True, null=True, verbose_name='live until')),
                ('due_at', models.DateTimeField(blank=True, null=True, verbose_name='due at')),
                ('leased_until', models.DateTimeField(blank=True, null=True, verbose_name='leased until')),
                ('looked_at', models.DateTimeField(blank=True, null=True, verbose_name='last looked at')),
                ('failures', models.PositiveIntegerField(default=0, verbose_name='failures in a row')),
                ('last_error', models.TextField(blank=True, default='', verbose_name='last error')),
                ('owner', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='chatkit_end_users', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'end user',
                'verbose_name_plural': 'end users',
            },
        ),
        migrations.CreateModel(
            name='ChatThread',
            fields=[
                ('id', django_chatkit.models.fields.IdField(max_length=255, primary_key=True, serialize=False, verbose_name='id')),
                ('title', models.TextField(blank=True, default='', verbose_name='title')),
                ('status', models.TextField(blank=True, default='active', verbose_name='status')),
                ('payload', django_chatkit.models.fields.PayloadField(blank=True, default=dict, verbose_name='payload')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('tie', models.IntegerField(default=0, verbose_name='place within its second')),
                ('gone_at', models.DateTimeField(blank=True, null=True, verbose_name='gone at')),
                ('synced_at', models.DateTimeField(blank=True, null=True, verbose_name='synced at')),
                ('as_of', models.DateTimeField(blank=True, null=True, verbose_name='thread as of')),
                ('items_as_of', models.DateTimeField(blank=True, null=True, verbose_name='items as of')),
                ('leased_until', models.DateTimeField(blank=True, null=True, verbose_name='leased until')),
                ('last_activity_at', models.DateTimeField(blank=True, null=True, verbose_name='last activity')),
                ('end_user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='threads', to='django_chatkit.enduser', verbose_name='end user')),
            ],
            options={
                'verbose_name': 'thread',
                'verbose_name_plural': 'threads',
                'permissions': [('view_transcript', 'Can view what was said in threads'), ('sync_chatthread', 'Can sync thread'), ('export_chatthread', 'Can export thread')],
            },
        ),
        migrations.CreateModel(
            name='ChatSession',
            fields=[
                ('id', django_chatkit.models.fields.IdField(max_length=255, primary_key=True, serialize=False, verbose_name='id')),
                ('workflow_id', django_chatkit.models.fields.IdField(blank=True, default='', max_length=255, verbose_name='workflow')),
                ('status', models.CharField(choices=[('active', 'active'), ('expired', 'expired'), ('cancelled', 'cancelled')], default='active', max_length=32, verbose_name='status')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('payload', django_chatkit.models.fields.PayloadField(blank=True, default=dict, verbose_name='payload')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('gone_at', models.DateTimeField(blank=True, null=True, verbose_name='gone at')),
                ('claimed_until', models.DateTimeField(blank=True, null=True, verbose_name='claimed until')),
                ('retry_at', models.DateTimeField(blank=True, null=True, verbose_name='try again at')),
                ('failures', models.PositiveIntegerField(default=0, verbose_name='failures in a row')),
                ('last_error', models.TextField(blank=True, default='', verbose_name='last error')),
                ('end_user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='django_chatkit.enduser', verbose_name='end user')),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
            },
        ),
        migrations.CreateModel(
            name='SyncRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('due', 'due end users'), ('user', 'one end user'), ('thread', 'one thread'), ('reconcile', 'everything')], max_length=16, verbose_name='kind')),
                ('subject', django_chatkit.models.fields.IdField(blank=True, default='', max_length=512, verbose_name='about')),
                ('started_at', models.DateTimeField(verbose_name='started at')),
                ('noted_at', models.DateTimeField(verbose_name='last word')),
                ('ended_at', models.DateTimeField(blank=True, null=True, verbose_name='ended at')),
                ('users', models.PositiveIntegerField(default=0, verbose_name='end users looked at')),
                ('threads', models.PositiveIntegerField(default=0, verbose_name='threads read')),
                ('threads_new', models.PositiveIntegerField(default=0, verbose_name='threads new')),
                ('threads_changed', models.PositiveIntegerField(default=0, verbose_name='threads changed')),
                ('threads_gone', models.PositiveIntegerField(default=0, verbose_name='threads gone')),
                ('items_new', models.PositiveIntegerField(default=0, verbose_name='items new')),
                ('items_changed', models.PositiveIntegerField(default=0, verbose_name='items changed')),
                ('items_gone', models.PositiveIntegerField(default=0, verbose_name='items gone')),
                ('items_unchanged', models.PositiveIntegerField(default=0, verbose_name='items unchanged')),
                ('requests', models.PositiveIntegerField(default=0, verbose_name='requests')),
                ('stopped', models.BooleanField(default=False, verbose_name='stopped')),
                ('paused', models.FloatField(default=0, verbose_name='paused (seconds)')),
                ('errors', models.PositiveIntegerField(default=0, verbose_name='errors')),
                ('last_error', models.TextField(blank=True, default='', verbose_name='last error')),
            ],
            options={
                'verbose_name': 'sync run',
                'verbose_name_plural': 'sync runs',
                'indexes': [models.Index(fields=['-started_at'], name='chatkit_run_started'), models.Index(fields=['ended_at'], name='chatkit_run_ended')],
            },
        ),
        migrations.CreateModel(
            name='ChatThreadItem',
            fields=[
                ('id', django_chatkit.models.fields.IdField(max_length=255, primary_key=True, serialize=False, verbose_name='id')),
                ('type', models.TextField(blank=True, default='', verbose_name='type')),
                ('position', models.BigIntegerField(verbose_name='position')),
                ('text', models.TextField(blank=True, default='', verbose_name='text')),
                ('settled', models.BooleanField(default=True, verbose_name='settled')),
                ('payload', django_chatkit.models.fields.PayloadField(blank=True, default=dict, verbose_name='payload')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('gone_at', models.DateTimeField(blank=True, null=True, verbose_name='gone at')),
                ('thread', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='items', to='django_chatkit.chatthread', verbose_name='thread')),
            ],
            options={
                'verbose_name': 'item',
                'verbose_name_plural': 'items',
                'indexes': [models.Index(fields=['thread', 'settled'], name='chatkit_item_settled')],
                'constraints': [models.UniqueConstraint(fields=('thread', 'position'), name='chatkit_item_position'), models.CheckConstraint(condition=models.Q(('id', ''), _negated=True), name='chatkit_item_id_not_empty')],
            },
        ),
        migrations.AddIndex(
            model_name='enduser',
            index=models.Index(fields=['due_at'], name='chatkit_enduser_due'),
        ),
        migrations.AddConstraint(
            model_name='enduser',
            constraint=models.CheckConstraint(condition=models.Q(('id', ''), _negated=True), name='chatkit_enduser_id_not_empty'),
        ),
        migrations.AddIndex(
            model_name='chatthread',
            index=models.Index(fields=['end_user', 'created_at', 'tie'], name='chatkit_thread_of_user'),
        ),
        migrations.AddIndex(
            model_name='chatthread',
            index=models.Index(fields=['created_at', 'tie', 'id'], name='chatkit_thread_listing'),
        ),
        migrations.AddIndex(
            model_name='chatthread',
            index=models.Index(fields=['last_activity_at'], name='chatkit_thread_activity'),
        ),
        migrations.AddConstraint(
            model_name='chatthread',
            constraint=models.CheckConstraint(condition=models.Q(('id', ''), _negated=True), name='chatkit_thread_id_not_empty'),
        ),
        migrations.AddIndex(
            model_name='chatsession',
            index=models.Index(fields=['status', 'expires_at'], name='chatkit_session_expiry'),
        ),
        migrations.AddIndex(
            model_name='chatsession',
            index=models.Index(fields=['created_at'], name='chatkit_session_created'),
        ),
        migrations.AddIndex(
            model_name='chatsession',
            index=models.Index(fields=['end_user', 'created_at'], name='chatkit_session_listing'),
        ),
        migrations.AddConstraint(
            model_name='chatsession',
            constraint=models.CheckConstraint(condition=models.Q(('id', ''), _negated=True), name='chatkit_session_id_not_empty'),
        ),
    ]
