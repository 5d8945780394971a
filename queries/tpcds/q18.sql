--! title = "Catalog averages by item and buyer's region"
--! question = "What are the average quantities, prices and profits of catalog sales to buyers of one gender and education, born in six given months, by item, country, state and county with subtotals?"
--! param.ES = { default = "Unknown", text = "education" }
--! param.GEN = { default = "F", text = "gender" }
--! param.MONTH = { default = [1, 6, 8, 9, 12, 2], count = 6, int = [1, 12] }
--! param.STATE.default = ["MS", "IN", "ND", "OK", "NM", "VA", "MS"]
--! param.STATE.count = 7
--! param.STATE.text = "states"
--! param.YEAR = { default = 1998, int = [1998, 2002] }

select
    i_item_id,
    ca_country,
    ca_state,
    ca_county,
    avg(cast(cs_quantity as decimal(12, 2))) as agg1,
    avg(cast(cs_list_price as decimal(12, 2))) as agg2,
    avg(cast(cs_coupon_amt as decimal(12, 2))) as agg3,
    avg(cast(cs_sales_price as decimal(12, 2))) as agg4,
    avg(cast(cs_net_profit as decimal(12, 2))) as agg5,
    avg(cast(c_birth_year as decimal(12, 2))) as agg6,
    avg(cast(cd1.cd_dep_count as decimal(12, 2))) as agg7
from catalog_sales
join customer_demographics as cd1 on cs_bill_cdemo_sk = cd1.cd_demo_sk
join customer on cs_bill_customer_sk = c_customer_sk
-- nothing of cd2 is read: it only drops customers without current demographics
join customer_demographics as cd2 on c_current_cdemo_sk = cd2.cd_demo_sk
join customer_address on c_current_addr_sk = ca_address_sk
join date_dim on cs_sold_date_sk = d_date_sk
join item on cs_item_sk = i_item_sk
where cd1.cd_gender = {GEN}
    and cd1.cd_education_status = {ES}
    and c_birth_month in ({MONTH})
    and d_year = {YEAR}
    and ca_state in ({STATE})
group by rollup (i_item_id, ca_country, ca_state, ca_county)
order by ca_country nulls first, ca_state nulls first, ca_county nulls first, i_item_id nulls first
limit 100
