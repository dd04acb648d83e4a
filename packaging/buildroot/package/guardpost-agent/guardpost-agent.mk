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

ifeq ($(BR2_PACKAGE_GUARDPOST_AGENT)$(BR_BUILDING),yy)
ifeq ($(GUARDPOST_AGENT_FILE),)
$(error BR2_PACKAGE_GUARDPOST_AGENT_FILE is empty; give the path of the executable in menuconfig)
endif
endif

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

# The same unit and preset as mkosi's.
GUARDPOST_AGENT_UNITS = $(BR2_EXTERNAL_GUARDPOST_PATH)/../mkosi/mkosi.extra/usr/lib/systemd

define GUARDPOST_AGENT_INSTALL_INIT_SYSTEMD
	$(foreach file,system/guardpost-recovery.service system-preset/10-guardpost.preset,\
		$(INSTALL) -D -m 0644 $(GUARDPOST_AGENT_UNITS)/$(file) \
			$(TARGET_DIR)/usr/lib/systemd/$(file)$(sep))
endef

$(eval $(generic-package))
