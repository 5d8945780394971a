--! title = "Average store sale over three groups and three regions"
--! question = "What do quantity, revenue and wholesale cost of a year's store sales average to, for three mixes of demography and price and three of region and profit?"
--! param.ES.default = ["Advanced Degree", "College", "2 yr Degree"]
--! param.ES.count = 3
--! param.ES.text = "education"
--! param.MS = { default = ["M", "S", "W"], count = 3, text = "marital_status" }
--! param.STATE.default = ["TX", "OH", "TX", "OR", "NM", "KY", "VA", "TX", "MS"]
--! param.STATE.count = 9
--! param.STATE.text = "states"
--! deviations = ["the columns, unnamed in the definition, are called after their contents"]

select
    avg(ss_quantity) as avg_quantity,
    avg(ss_ext_sales_price) as avg_sales_price,
    avg(ss_ext_wholesale_cost) as avg_wholesale_cost,
    sum(ss_ext_wholesale_cost) as sum_wholesale_cost
from store_sales
join store on ss_store_sk = s_store_sk
-- these three join inside each branch of the disjunctions below: finding that is part of the test
cross join customer_demographics
cross join household_demographics
cross join customer_address
join date_dim on ss_sold_date_sk = d_date_sk
where d_year = 2001
    and (
        (
            ss_hdemo_sk = hd_demo_sk
            and ss_cdemo_sk = cd_demo_sk
            and cd_marital_status = {MS.1}
            and cd_education_status = {ES.1}
            and ss_sales_price between 100.00 and 150.00
            and hd_dep_count = 3
        )
        or (
            ss_hdemo_sk = hd_demo_sk
            and ss_cdemo_sk = cd_demo_sk
            and cd_marital_status = {MS.2}
            and cd_education_status = {ES.2}
            and ss_sales_price between 50.00 and 100.00
            and hd_dep_count = 1
        )
        or (
            ss_hdemo_sk = hd_demo_sk
            and ss_cdemo_sk = cd_demo_sk
            and cd_marital_status = {MS.3}
            and cd_education_status = {ES.3}
            and ss_sales_price between 150.00 and 200.00
            and hd_dep_count = 1
        )
    )
    and (
        (
            ss_addr_sk = ca_address_sk
            and ca_country = 'United States'
            and ca_state in ({STATE.1}, {STATE.2}, {STATE.3})
            and ss_net_profit between 100 and 200
        )
        or (
            ss_addr_sk = ca_address_sk
            and ca_country = 'United States'
            and ca_state in ({STATE.4}, {STATE.5}, {STATE.6})
            and ss_net_profit between 150 and 300
        )
        or (
            ss_addr_sk = ca_address_sk
            and ca_country = 'United States'
            and ca_state in ({STATE.7}, {STATE.8}, {STATE.9})
            and ss_net_profit between 50 and 250
        )
    )
