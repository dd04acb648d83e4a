include $(sort $(wildcard $(BR2_EXTERNAL_GUARDPOST_PATH)/package/*/*.mk))
