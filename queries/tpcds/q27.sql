--! title = "Store averages by item and state for one group of people"
--! question = "What are the average quantity, prices and coupon of store sales to buyers of one gender, marital status and education in six states, by item and state with subtotals?"
--! param.ES = { default = "College", text = "education" }
--! param.GEN = { default = "M", text = "gender" }
--! param.MS = { default = "S", text = "marital_status" }
--! param.STATE.default = ["TN", "TN", "TN", "TN", "TN", "TN"]
--! param.STATE.count = 6
--! param.STATE.text = "store_states"
--! param.YEAR = { default = 2002, int = [1998, 2002] }

select
    i_item_id,
    s_state,
    grouping(s_state) as g_state,
    avg(ss_quantity) as agg1,
    avg(ss_list_price) as agg2,
    avg(ss_coupon_amt) as agg3,
    avg(ss_sales_price) as agg4
from store_sales
join customer_demographics on ss_cdemo_sk = cd_demo_sk
join date_dim on ss_sold_date_sk = d_date_sk
join store on ss_store_sk = s_store_sk
join item on ss_item_sk = i_item_sk
where cd_gender = {GEN}
    and cd_marital_status = {MS}
    and cd_education_status = {ES}
    and d_year = {YEAR}
    and s_state in ({STATE})
group by rollup (i_item_id, s_state)
order by i_item_id nulls first, s_state nulls first
limit 100
