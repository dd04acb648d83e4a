################################################################################
#
# guardpost-agent
#
################################################################################

# It is built elsewhere, so there is nothing to fetch and nothing to compile.
GUARDPOST_AGENT_VERSION = 0.1
GUARDPOST_AGENT_SOURCE =
GUARDPOST_AGENT_LICENSE = Apache-2.0 (guardpost-agent --licenses has those of its parts)
GUARDPOST_AGENT_FILE = $(call qstrip,$(BR2_PACKAGE_GUARDPOST_AGENT_FILE))
GUARDPOST_AGENT_KEYS = $(call qstrip,$(BR2_PACKAGE_GUARDPOST_AGENT_KEYS))

define GUARDPOST_AGENT_INSTALL_TARGET_CMDS
	$(INSTALL) -D -m 0755 $(GUARDPOST_AGENT_FILE) $(TARGET_DIR)/usr/sbin/guardpost-agent
	$(INSTALL) -D -m 0755 $(BR2_EXTERNAL_GUARDPOST_PATH)/../recovery/guardpost-recovery \
		$(TARGET_DIR)/usr/sbin/guardpost-recovery
	$(if $(GUARDPOST_AGENT_KEYS),$(INSTALL) -D -m 0644 $(GUARDPOST_AGENT_KEYS) \
		$(TARGET_DIR)/etc/guardpost/authorized_consoles)
endef

define GUARDPOST_AGENT_INSTALL_INIT_SYSV
	$(INSTALL) -D -m 0755 $(GUARDPOST_AGENT_PKGDIR)/S05guardpost \
		$(TARGET_DIR)/etc/init.d/S05guardpost
endef

$(eval $(generic-package))
