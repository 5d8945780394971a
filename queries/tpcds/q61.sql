--! title = "Share of promoted store sales"
--! question = "Which share of the store sales of one category in a month, within one time zone, was made under a mail, e-mail or TV promotion?"
--! param.CATEGORY.default = "Jewelry"
--! param.CATEGORY.text = ["Books", "Home", "Electronics", "Jewelry", "Sports"]
--! # the default is the qualification value; the definition doesn't draw it
--! param.GMT = { default = "-5", sql = ["-6", "-7"] }
--! param.MONTH = { default = 11, int = [11, 12] }
--! param.YEAR = { default = 1998, int = [1998, 2002] }
--! deviations = ["the percentage, unnamed in the definition, is called promotions_percent"]

select
    promotions,
    total,
    cast(promotions as decimal(15, 4)) / cast(total as decimal(15, 4)) * 100 as promotions_percent
from (
    select sum(ss_ext_sales_price) as promotions
    from store_sales
    join store on ss_store_sk = s_store_sk
    join promotion on ss_promo_sk = p_promo_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer on ss_customer_sk = c_customer_sk
    join customer_address on c_current_addr_sk = ca_address_sk
    join item on ss_item_sk = i_item_sk
    where ca_gmt_offset = {GMT}
        and i_category = {CATEGORY}
        and (p_channel_dmail = 'Y' or p_channel_email = 'Y' or p_channel_tv = 'Y')
        and s_gmt_offset = {GMT}
        and d_year = {YEAR}
        and d_moy = {MONTH}
) as promotional_sales
cross join (
    select sum(ss_ext_sales_price) as total
    from store_sales
    join store on ss_store_sk = s_store_sk
    join date_dim on ss_sold_date_sk = d_date_sk
    join customer on ss_customer_sk = c_customer_sk
    join customer_address on c_current_addr_sk = ca_address_sk
    join item on ss_item_sk = i_item_sk
    where ca_gmt_offset = {GMT}
        and i_category = {CATEGORY}
        and s_gmt_offset = {GMT}
        and d_year = {YEAR}
        and d_moy = {MONTH}
) as all_sales
order by promotions nulls first, total nulls first
limit 100
