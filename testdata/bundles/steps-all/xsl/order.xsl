<?xml version="1.0" encoding="UTF-8"?>
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:param name="tenant"/>
  <xsl:template match="/Order"><order tenant="{$tenant}"><xsl:copy-of select="*"/></order></xsl:template>
</xsl:stylesheet>
