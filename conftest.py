pytest_plugins = ["ioc_kit.testing.plugin"]
