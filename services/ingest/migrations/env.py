from ioc_kit.sql import migrations

migrations.run()
